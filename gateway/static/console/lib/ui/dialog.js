// A window over the page. The browser keeps the focus in it, and gives it back.
import { html, useEffect, useId, useRef } from "../preact.js";

/** @typedef {import("preact").ComponentChildren} Children */

/**
 * `onClose` is called for Escape and the button too; the owner then leaves the dialog out.
 * @param {{title: string, onClose: () => void, wide?: boolean, children: Children}} props
 */
export function Dialog({ title, onClose, wide, children }) {
  const id = useId();
  const place = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const dialog = place.current;
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
  /** @param {Event} event */
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${place} class=${wide ? "wide" : ""} aria-labelledby=${id}
    onCancel=${cancel}>
    <header class="heading">
      <h2 id=${id}>${title}</h2>
      <button type="button" class="plain" aria-label="Close" onClick=${onClose}>✕</button>
    </header>
    ${children}
  </dialog>`;
}
