// What the gateway rests on: its store, its outbox, its tunnel, and the gateway itself.
import { ago, decimal, duration, number } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { Facts, State } from "../../lib/ui.js";

const STORES = { embedded: "embedded Postgres", postgres: "your Postgres", supabase: "Supabase" };

/** @param {{now: any}} props */
export const Parts = ({ now }) =>
  html`<section class="group" aria-label="What it rests on">
    <h2>What it rests on</h2>
    <div class="cards"><${Store} of=${now.store} outbox=${now.outbox} /><${Tunnel} of=${now.tunnel}
      /><${Gateway} of=${now} /></div>
  </section>`;

/** @param {{of: any, outbox: any}} props */
const Store = ({ of, outbox }) =>
  html`<section class="card"><h3>Database</h3>
    <p>${
    of.state === "up"
      ? html`<${State} kind="good">answers<//>`
      : html`<${State} kind="bad">cannot be reached<//>`
  }</p>
    <${Facts} of=${[
    ["Kind", STORES[/** @type {keyof typeof STORES} */ (of.kind)] ?? of.kind],
    ["Answers in", of.latency_ms == null ? "–" : `${decimal(of.latency_ms)} ms`],
    ["Waiting to be counted", number(outbox.waiting)],
    ...(outbox.waiting ? [["Oldest of them", duration(outbox.oldest_seconds * 1000)]] : []),
  ]} /></section>`;

/** @param {{of: any}} props */
const Tunnel = ({ of }) =>
  html`<section class="card"><h3>Tunnel</h3>
    ${
    of.state === "none"
      ? html`<p><${State} kind="quiet">none runs here<//></p>
        <p class="hint">With one, websites and friends reach this machine:
          ${" "}<code>localllm tunnel setup</code></p>`
      : html`<p>${
        of.state === "up"
          ? html`<${State} kind="good">open<//>`
          : html`<${State} kind="bad">${of.detail ?? "not open"}<//>`
      }</p>
        <${Facts} of=${[["Name", of.hostname ?? "–"]]} />`
  }</section>`;

/** @param {{of: any}} props */
const Gateway = ({ of }) =>
  html`<section class="card"><h3>Gateway</h3>
    <p><${State} kind="good">runs<//></p>
    <${Facts} of=${[
    ["Host", of.gateway ?? "–"],
    ["Version", of.version],
    ["Started", ago(of.started_at)],
    ...(of.gateways > 1 ? [["Gateways of this database", number(of.gateways)]] : []),
  ]} /></section>`;
