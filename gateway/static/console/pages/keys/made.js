// A key that was made just now: the only time that it is shown.
import { address, status } from "../../lib/live.js";
import { html } from "../../lib/preact.js";
import { Button, Copy, Dialog, Snippets } from "../../lib/ui.js";

/** @param {{row: any, first: string, onClose: () => void}} props */
export const Made = ({ row, first, onClose }) =>
  html`<${Dialog} title=${`The key of ${row.label}`} wide stay onClose=${onClose}>
    <p>Copy it now: it will not be shown again.</p>
    <${Copy} label="the key" text=${row.key} autofocus />
    <h3>Use it</h3>
    <${Snippets} address=${address()} apiKey=${row.key} model=${modelOf(row)} first=${first} />
    <div class="actions"><${Button} kind="main" onClick=${onClose}>I have it<//></div>
  <//>`;

/** A model that the key may use, to be written into a snippet. @param {any} row @returns {string} */
export const modelOf = (row) =>
  row.allowed_models?.find((/** @type {string} */ name) => !name.includes("*")) ??
    status.value?.default_model ?? "MODEL";
