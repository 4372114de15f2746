// What happens now: requests, model servers, what they rest on, and how much was used.
import { address, connection, status, trouble } from "../lib/live.js";
import { compact, number } from "../lib/format.js";
import { html } from "../lib/preact.js";
import { Card, Copy, ErrorBox, Facts, Heading, Loading, State } from "../lib/ui.js";
import { QR } from "../lib/ui/qr.js";
import { Machines } from "./now/machines.js";
import { Parts } from "./now/parts.js";
import { Latest, Running, Waiting } from "./now/requests.js";

export function Page() {
  const now = status.value;
  return html`<${Heading} title="Now"><${Connection} /><//>
    ${
    now
      ? html`<div class="cards">
          <${Address} /><${Use} title="Today" note="since midnight in UTC" of=${now.today} />
          <${Use} title="This month" note="all keys, in UTC" of=${now.month} />
        </div>
        <${Running} rows=${now.running} now=${now.time} />
        <${Waiting} rows=${now.waiting} now=${now.time} limit=${now.queue.limit} />
        <${Latest} />
        <${Machines} rows=${now.backends} model=${now.default_model} />
        <${Parts} now=${now} />`
      : trouble.value
      ? html`<${ErrorBox} error=${trouble.value} />`
      : html`<${Loading} />`
  }`;
}

const Connection = () =>
  html`<p role="status">${
    connection.value === "live"
      ? html`<${State} kind="good">Live<//>`
      : connection.value === "lost"
      ? html`<${State} kind="bad">Connection lost; trying again<//>`
      : html`<${State} kind="quiet">Connecting<//>`
  }</p>`;

const LOOPBACK = /^https?:\/\/(127\.[\d.]+|\[::1\]|([^/:]+\.)?localhost)(?=[:/]|$)/;

function Address() {
  const base = address();
  const far = !LOOPBACK.test(base); // a phone that reads the code can reach it
  return html`<${Card} title="Your address" note="What programs and websites get as base URL">
    <div class=${far ? "beside" : ""}>
      ${far && html`<${QR} text=${base} label=${`QR code of ${base}`} />`}
      <div class="stack">
        <${Copy} label="base URL" text=${`${base}/v1`} />
        <p class="hint">For Ollama's and Anthropic's programs: without <code>/v1</code>.</p>
      </div>
    </div>
  <//>`;
}

/** @param {{title: string, note: string, of: any}} props */
const Use = ({ title, note, of }) =>
  html`<${Card} title=${title} note=${note}>
    ${
    of
      ? html`<p class="figure">${compact(of.charged_tokens)}${" "}<span class="quiet">tokens charged</span></p>
        <${Facts} of=${[
        ["Requests", number(of.requests)],
        ["Tokens in all", number(of.total_tokens)],
      ]} />`
      : html`<p class="quiet">The database has not told yet.</p>`
  }
  <//>`;
