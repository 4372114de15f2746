// Which requests there were, how they ended, and why some were refused.
import { html, useState } from "../lib/preact.js";
import { go, route } from "../lib/route.js";
import { Button, Heading, TextField } from "../lib/ui.js";
import { Detail } from "../requests/detail.js";
import { Log } from "../requests/log.js";
import { Refusals } from "../requests/refusals.js";
import { useKeys } from "../usage/keys.js";

const VIEWS = [["log", "Served"], ["refusals", "Refused"]];

export function Page() {
  const keys = useKeys();
  const [view, setView] = useState("log");
  const [id, setId] = useState("");
  const [opened] = route.value.rest;

  /** @param {Event} event */
  function find(event) {
    event.preventDefault();
    if (id.trim()) go("requests", id.trim());
  }

  /** @param {string} found */
  const open = (found) => go("requests", found);
  return html`<${Heading} title="Requests"
      note="Prompts and answers are not kept: only who asked, when, and how much." />
    <form class="find" onSubmit=${find}>
      <${TextField} label="Find a request by its id" value=${id} onInput=${setId}
        hint="Callers find it in the header x-request-id of their answer." autocomplete="off" />
      <${Button} submit>Find<//>
    </form>
    <div class="choices" role="group" aria-label="Which requests">${
    VIEWS.map(([name, label]) =>
      html`<button type="button" aria-pressed=${view === name ? "true" : "false"}
        onClick=${() => setView(name)}>${label}</button>`
    )
  }</div>
    ${view === "log" && html`<${Log} keys=${keys} onOpen=${open} />`}
    ${view === "refusals" && html`<${Refusals} onOpen=${open} />`}
    ${opened && html`<${Detail} id=${opened} onClose=${() => go("requests")} />`}`;
}
