// A window over the page. The browser keeps the focus in it, and gives it back.
import { html, useId, useLayoutEffect, useRef } from "../preact.js";

/** @typedef {import("preact").ComponentChildren} Children */

/**
 * `onClose` is called for Escape and the button too; the owner then leaves the dialog out. Escape
 * does nothing once something was typed in. `stay`: it has neither, as what it shows cannot be shown
 * again.
 * @param {{title: string, onClose: () => void, wide?: boolean, stay?: boolean,
 *   children: Children}} props
 */
export function Dialog({ title, onClose, wide, stay, children }) {
  const id = useId();
  const place = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const typed = useRef(false);
  const stays = () => stay || typed.current;
  // Before anything is shown: later, it would take the focus from who has begun to type.
  useLayoutEffect(() => {
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
    if (!stays()) onClose();
  };
  /** @param {KeyboardEvent} event */
  const pressed = (event) => {
    if (stays() && event.key === "Escape") event.preventDefault();
  };
  /** Some browsers close a window at the second wish to leave it, whatever the page says. */
  const closed = () => {
    if (stays() && place.current?.isConnected) place.current.showModal();
  };
  return html`<dialog ref=${place} class=${wide ? "wide" : ""} aria-labelledby=${id}
    onCancel=${cancel} onClose=${closed} onKeyDown=${pressed}
    onInput=${() => typed.current = true}>
    <header class="heading">
      <h2 id=${id}>${title}</h2>
      ${!stay && html`<button type="button" aria-label="Close" onClick=${onClose}>✕</button>`}
    </header>
    ${children}
  </dialog>`;
}
