// Have Ollama download a model, and see how far it is.
import { stream } from "../lib/api.js";
import { bytes } from "../lib/format.js";
import { ApiError } from "../lib/http.js";
import { html, useEffect, useRef, useState } from "../lib/preact.js";
import { Bars, Button, Card, ErrorBox, TextField } from "../lib/ui.js";

/**
 * @typedef {{model: string, status: string, completed: number, total: number, done: boolean}} State
 */

/** @param {{onPulled: () => void}} props */
export function Pull({ onPulled }) {
  const [model, setModel] = useState("");
  const [state, setState] = useState(/** @type {State | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [busy, setBusy] = useState(false);
  const watching = useRef(/** @type {AbortController | null} */ (null));
  useEffect(() => () => watching.current?.abort(), []);

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    const ending = new AbortController();
    watching.current = ending;
    setBusy(true);
    setState(null);
    setError(null);
    try {
      const asked = { method: "POST", body: { model: model.trim() }, signal: ending.signal };
      await stream("/admin/models/pull", ({ event, data }) => {
        if (event === "comment" || data === null) return;
        if (data.error) throw new ApiError(data.error.message, data.error.code ?? "error", 0);
        setState(data);
      }, asked);
      onPulled();
    } catch (problem) {
      if (ending.signal.aborted) return; // the page is left, and the download goes on
      setError(problem);
    }
    setBusy(false);
  }

  return html`<${Card} title="Download a model"
    note="It goes on if you leave this page: ask for the same again to see how far it is.">
    <form onSubmit=${submit}>
      <${TextField} label="Name" value=${model} onInput=${setModel} placeholder="qwen2.5:7b"
        autocomplete="off" required hint="As ollama.com/library has it." />
      <div class="actions">
        <${Button} submit kind="main" busy=${busy} disabled=${!model.trim()}>Download<//>
      </div>
    </form>
    <div role="status">${state && html`<${Bars} used=${state.completed} limit=${state.total || null}
      text=${words(state)} />`}</div>
    <${ErrorBox} error=${error} />
  <//>`;
}

/** @param {State} state */
function words({ status, completed, total, done, model }) {
  if (done) return `${model} is here.`;
  return total ? `${status}: ${bytes(completed)} of ${bytes(total)}` : status;
}
