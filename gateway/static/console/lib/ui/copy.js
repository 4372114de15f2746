// Text to take along.
import { html, useEffect, useRef, useState } from "../preact.js";
import { snippets } from "../snippets.js";

/**
 * A text and a button that copies it. Browsers keep the clipboard from pages of plain HTTP on other
 * machines: there, the text is selected, to be copied by hand.
 * @param {{text: string, label: string, block?: boolean, autofocus?: boolean}} props
 */
export function Copy({ text, label, block, autofocus }) {
  const [told, tell] = useState("");
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => tell(""), [text]);

  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      tell("Copied.");
    } catch {
      if (place.current) getSelection()?.selectAllChildren(place.current);
      tell("Selected: press Ctrl+C.");
    }
  }

  return html`<div class=${block ? "copy block" : "copy"}>
    ${
    block
      ? html`<pre tabindex="0" aria-label=${label}><code ref=${place}>${text}</code></pre>`
      : html`<code ref=${place}>${text}</code>`
  }
    <button type="button" onClick=${copy} autofocus=${autofocus} aria-label=${`Copy: ${label}`}>Copy</button>
    <span class="told" role="status">${told}</span>
  </div>`;
}

/**
 * What to paste into which program: one at a time.
 * @param {{address: string, apiKey: string, model: string, first?: string}} props
 */
export function Snippets({ address, apiKey, model, first = "curl" }) {
  const all = snippets({ address, key: apiKey, model });
  const [name, choose] = useState(first);
  const shown = all.find((one) => one.name === name) ?? all[0];
  return html`<div class="snippets">
    <div class="choices" role="group" aria-label="Program">${
    all.map((one) =>
      html`<button type="button" aria-pressed=${one.name === shown.name ? "true" : "false"}
        onClick=${() => choose(one.name)}>${one.label}</button>`
    )
  }</div>
    <p class="hint">${shown.where}</p>
    <${Copy} block label=${`Snippet for ${shown.label}`} text=${shown.text} />
  </div>`;
}
