// A chat with a model: what was said, a field for the next question, and a button that stops.
import { html, useEffect, useRef, useState } from "../lib/preact.js";
import { Button, TextField } from "../lib/ui.js";
import { TurnView } from "./turn.js";
import { answer, messages } from "./turns.js";

/** @typedef {import("./turns.js").Turn} Turn */

/**
 * `request`: the body for these messages, without what makes it a stream. `getKey`: whose key asks.
 * `fixed`: what is asked, where nothing can be typed in. `onEnd` is called when an answer has
 * ended. `explain`: a problem in other words than the server's.
 * @param {{
 *   request: (messages: object[]) => object, getKey: () => Promise<string>, fixed?: string,
 *   onEnd?: () => void, explain?: (problem: import("../lib/http.js").ApiError) => string
 * }} props
 */
export function Conversation({ request, getKey, fixed, onEnd, explain }) {
  const [turns, setTurns] = useState(/** @type {Turn[]} */ ([]));
  const [text, setText] = useState("");
  const [stop, setStop] = useState(/** @type {AbortController | null} */ (null));
  const log = useRef(/** @type {HTMLElement | null} */ (null));
  const current = useRef(stop);
  current.current = stop;

  useEffect(() => () => current.current?.abort(), []); // leaving stops the model
  useEffect(() => {
    if (log.current) log.current.scrollTop = log.current.scrollHeight;
  }, [turns]);

  async function ask() {
    const question = fixed || text.trim();
    if (!question || stop) return;
    /** @type {Turn[]} */
    const before = [...fixed ? [] : turns, { role: "user", text: question }];
    const ending = new AbortController();
    setTurns(before);
    setText("");
    setStop(ending);
    /** @param {Turn} turn */
    const show = (turn) => setTurns([...before, turn]);
    try {
      const key = await getKey();
      await answer(key, request(messages(before)), ending.signal, show);
    } catch (problem) { // of the key: of the answer it is told in its turn
      show({ role: "assistant", text: "", problem: /** @type {any} */ (problem) });
    }
    setStop(null);
    onEnd?.();
  }

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    ask();
  }

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    ask();
  }

  return html`<div class="chat">
    <div class="turns" role="log" aria-label="Conversation" aria-busy=${stop ? "true" : "false"}
      tabindex="0" ref=${log}>${
    turns.length === 0
      ? html`<p class="empty">${
        fixed ? "Give the values, and send them." : "Ask something, to see how the model answers."
      }</p>`
      : turns.map((turn) => html`<${TurnView} turn=${turn} explain=${explain} />`)
  }</div>
    <form onSubmit=${submit}>
      ${
    !fixed &&
    html`<${TextField} label="Your message" rows=${3} value=${text} onInput=${setText}
        onKeyDown=${key} hint="Enter sends it, Shift+Enter begins a new line." />`
  }
      <div class="actions">
        ${
    stop
      ? html`<${Button} onClick=${() => stop.abort()}>Stop<//>`
      : html`<${Button} submit kind="main" disabled=${!fixed && !text.trim()}>Send<//>`
  }
        <${Button} disabled=${Boolean(stop) || turns.length === 0}
          onClick=${() => setTurns([])}>Start again<//>
      </div>
    </form>
  </div>`;
}
