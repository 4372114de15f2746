// The model servers, and what is in their memory.
import { ago, bytes, number, percent } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { Bars, Empty, Facts, State } from "../../lib/ui.js";

/** @param {{rows: any[], model: string}} props `model`: the default one, which a demo serves */
export const Machines = ({ rows, model }) =>
  html`<section class="group" aria-label="Model servers">
    <h2>Model servers</h2>
    <div class="cards">${
    rows.map((one) => html`<${Machine} key=${one.url} of=${one} model=${model} />`)
  }</div>
  </section>`;

/** @param {{of: any, model: string}} props */
const Machine = ({ of, model }) =>
  html`<section class="card">
    <h3>${of.name}</h3>
    <p>${
    of.state === "up"
      ? html`<${State} kind="good">answers<//>`
      : html`<${State} kind="bad">${of.error ?? "does not answer"}<//>`
  }<span class="quiet">, ${of.kind === "demo" ? "built-in demo model" : of.kind}</span></p>
    <${Bars} used=${of.used} limit=${of.slots} inPercent=${false}
      text=${`${of.used} of ${of.slots} slots`} />
    ${
    of.kind === "demo"
      ? html`<div class="loaded"><strong>${model}</strong>
          <${Facts} of=${[["Memory", "always there"]]} /></div>`
      : of.loaded.length
      ? of.loaded.map((/** @type {any} */ one) => html`<${Loaded} key=${one.model} of=${one} />`)
      : of.state === "up" && html`<${Empty}>No model is in memory; the next request loads one.<//>`
  }
  </section>`;

/** @param {{of: any}} props */
const Loaded = ({ of }) =>
  html`<div class="loaded"><strong>${of.model}</strong>
    <${Facts} of=${[
    ["Memory", `${bytes(of.size)}, ${where(of)}`],
    ["Context", `${number(of.context)} tokens`],
    ["Stays", stay(of.expires_at)],
  ]} /></div>`;

/** How long a model stays that nobody asks. @param {string | null} until */
function stay(until) {
  if (!until) return "–";
  const left = Date.parse(until) - Date.now();
  if (left > 365 * 86_400_000) return "for good"; // keep_alive below 0 is centuries
  return left > 0 ? `${ago(until).replace(/^in /, "")} more` : "leaves now";
}

/** @param {any} of */
function where({ size, size_vram }) {
  if (!size_vram) return "CPU";
  return size_vram >= size ? "GPU" : `${percent(size_vram / size)} on GPU`;
}
