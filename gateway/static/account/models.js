// The models that a key may use, what to paste into a program, and a chat to try them.
import { Conversation } from "../console/chat/conversation.js";
import { html, useEffect, useState } from "../console/lib/preact.js";
import { Card, Empty, ErrorBox, Loading, Select, Snippets } from "../console/lib/ui.js";
import { explain } from "./words.js";

/** Where others reach this server: the name of its tunnel, if it has one. */
const address = document.querySelector('meta[name="address"]')?.getAttribute("content") ||
  location.origin;

/**
 * `used`: a model that the key has asked, if it has. `children` come behind the list of models.
 * @param {{server: ReturnType<import("../console/chat/ask.js").holder>, apiKey: string,
 *   used: string, onUsed: () => void, children: import("preact").ComponentChildren}} props
 */
export function Models({ server, apiKey, used, onUsed, children }) {
  const [names, setNames] = useState(/** @type {string[] | null} */ (null));
  const [model, setModel] = useState("");
  const [error, setError] = useState("");
  const [kept, keep] = useState(false); // from this key: the list, and not the models

  useEffect(() => {
    let gone = false;
    server.get("/v1/models").then(({ data }) => {
      if (gone) return;
      const found = data.map((/** @type {{id: string}} */ one) => one.id);
      setNames(found);
      setModel(found[0] ?? "");
    }, (problem) => {
      if (gone) return;
      if (/models:read/.test(problem.message)) keep(true);
      else setError(explain(problem));
    });
    return () => void (gone = true);
  }, [server]);

  const chosen = names !== null && names.length > 0 && html`<${Select} label="Model" value=${model}
    onChange=${setModel} options=${names.map((name) => ({ value: name, label: name }))} />`;
  return html`
    <${Card} title="Models">
      <${ErrorBox} error=${error} />
      ${kept && html`<p class="quiet">This key can ask models and not list them. Its owner knows
        their names; a program that names none asks the server's default one.</p>`}
      ${names === null && !error && !kept && html`<${Loading} />`}
      ${names?.length === 0 && html`<${Empty}>This key may use no model that is here now.<//>`}
      <ul class="models">${names?.map((name) => html`<li><code>${name}</code></li>`)}</ul>
    <//>
    ${children}
    <${Card} title="Use it in a program" wide>
      ${chosen}
      <p>The address for programs is <code>${address}/v1</code>; it speaks the API of OpenAI.
        Your key stands in the lines below: show them to nobody.</p>
      <${Snippets} address=${address} apiKey=${apiKey} model=${model || used} />
      ${!model && !used && html`<p class="hint">No model is named there, so the server's default one
        answers. Claude Code and Codex need a name: ask the owner of this server.</p>`}
    <//>
    <${Card} title="Try it" wide>
      ${chosen}
      <${Conversation} getKey=${() => Promise.resolve(apiKey)} onEnd=${onUsed} explain=${explain}
        request=${(/** @type {object[]} */ messages) => ({ ...(model && { model }), messages })} />
    <//>`;
}
