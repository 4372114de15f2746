// What `localllm doctor` finds, run from here.
import { send } from "../lib/api.js";
import { timeOfDay } from "../lib/format.js";
import { html, signal, useEffect } from "../lib/preact.js";
import { Button, ErrorBox, Heading, State } from "../lib/ui.js";

/** @typedef {{title: string, state: string, text: string, remedy: string | null}} Finding */

// Kept while the console is open: the checks take some seconds, and ask others.
const found = signal(/** @type {{at: string, findings: Finding[]} | null} */ (null));
const busy = signal(false);
const error = signal(/** @type {unknown} */ (null));

async function examine() {
  busy.value = true;
  error.value = null;
  try {
    const { findings } = await send("POST", "/admin/doctor");
    found.value = { at: new Date().toISOString(), findings };
  } catch (problem) {
    error.value = problem;
  }
  busy.value = false;
}

export function Page() {
  useEffect(() => {
    if (!found.value && !busy.value) examine();
  }, []);
  const findings = found.value?.findings ?? [];
  const wrong = findings.filter((one) => one.state !== "ok");
  const note = busy.value
    ? "Looking at everything; this takes some seconds."
    : found.value && `${summary(wrong.length)} Looked at ${timeOfDay(found.value.at)}.`;
  return html`<${Heading} title="Health">
      <${Button} kind="main" busy=${busy.value} onClick=${examine}>Look again<//><//>
    <p role="status">${note}</p>
    <${ErrorBox} error=${error.value} retry=${examine} />
    ${
    found.value && html`<ul class="findings">${
      [...wrong, ...findings.filter((one) => one.state === "ok")].map((one) =>
        html`<li class="card"><${Found} of=${one} /></li>`
      )
    }</ul>`
  }`;
}

/** @param {number} wrong */
const summary = (wrong) =>
  wrong === 0 ? "All is well." : wrong === 1 ? "One thing to look at." : `${wrong} things to look at.`;

const KINDS = { ok: "good", warning: "warning", failed: "bad" };
const WORDS = { ok: "fine", warning: "look at this", failed: "does not work" };

/** @type {Record<string, string>} of those whose name with a capital says too little */
const TITLES = {
  data: "Data folder",
  files: "Open files",
  store: "Database",
  outbox: "Uncounted requests",
  host: "Who can reach the gateway",
  exposed: "Who can reach Ollama",
  parallel: "Requests at once",
  cloud: "Cloud models",
  public: "Public address",
  https: "HTTPS",
  stream: "Streams from outside",
  cors: "Calls from websites",
  closed: "Closed to the outside",
};

/** @param {string} name such as ollama-2 */
const titled = (name) =>
  TITLES[name] ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll("-", " ");

/** A text whose commands stand in backticks. @param {string} text */
const written = (text) =>
  text.split("`").map((part, index) => index % 2 ? html`<code>${part}</code>` : part);

/** @param {{of: Finding}} props */
function Found({ of }) {
  const state = /** @type {keyof typeof KINDS} */ (of.state);
  return html`<div class="heading"><h2>${titled(of.title)}</h2>
      <${State} kind=${KINDS[state] ?? "quiet"}>${WORDS[state] ?? of.state}<//></div>
    <p>${written(of.text)}</p>${of.remedy && html`<p class="remedy">${written(of.remedy)}</p>`}`;
}
