// Where a key is typed in.
import { html, useState } from "../console/lib/preact.js";
import { Button, TextField } from "../console/lib/ui.js";
import { isSendable } from "./words.js";

/**
 * @param {{onKey: (key: string) => void, busy: boolean, error: string}} props
 */
export function KeyForm({ onKey, busy, error }) {
  const [key, setKey] = useState("");
  const [wrong, setWrong] = useState("");
  const [shown, show] = useState(false);

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    const given = key.trim();
    const usable = isSendable(given);
    setWrong(usable ? "" : "This is not a key. Copy it again, without the text around it.");
    if (usable) onKey(given);
  }

  return html`<form class="card key-form" onSubmit=${submit}>
    <${TextField} label="Key or visitor token" value=${key} onInput=${setKey}
      type=${shown ? "text" : "password"} autocomplete="off" autocapitalize="off"
      spellcheck=${false} required
      error=${wrong || error}
      hint="It stays in this tab, and is sent to this server only." />
    <label class="check"><input type="checkbox" checked=${shown}
      onChange=${() => show(!shown)} /> Show it</label>
    <div class="actions"><${Button} submit kind="main" busy=${busy}>Show my account<//></div>
  </form>`;
}
