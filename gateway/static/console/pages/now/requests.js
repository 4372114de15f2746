// Requests that run, wait, or ended just now.
import { get, send } from "../../lib/api.js";
import { decimal, duration, NOTHING, number, timeOfDay } from "../../lib/format.js";
import { listen } from "../../lib/live.js";
import { html, useEffect, useState } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Button, Card, Empty, ErrorBox, Table } from "../../lib/ui.js";
import { Status } from "../../requests/status.js";

const KEPT = 10; // of those that ended

/** @param {any} row */
const nameOf = (row) => row.key.name ?? "a key";

/** @param {any} row */
const who = (row) =>
  html`${
    row.key.id ? html`<a href=${href("keys", row.key.id)}>${nameOf(row)}</a>` : nameOf(row)
  }${row.visitor && html`<div class="quiet small">visitor ${row.visitor.slice(0, 8)}…</div>`}`;

/** @param {string} now */
const passed = (now) => (/** @type {any} */ row) =>
  duration(Math.max(0, Date.parse(now) - Date.parse(row.since)));

/** @param {string} now @param {string} label of how long it has been so */
const shared = (now, label) => [
  { name: "key", label: "Key", head: true, cell: who },
  { name: "model", label: "Model", cell: (/** @type {any} */ row) => row.model },
  { name: "since", label, numeric: true, cell: passed(now) },
];
const stop = {
  name: "cancel",
  label: "Stop",
  cell: (/** @type {any} */ row) => html`<${Cancel} row=${row} />`,
};

/** @param {{rows: any[], now: string}} props */
export const Running = ({ rows, now }) =>
  html`<${Card} title=${`Running (${rows.length})`} wide>
    ${
    rows.length
      ? html`<${Table} caption="Running requests" rows=${rows} id=${(/** @type {any} */ row) => row.id}
          columns=${[
        ...shared(now, "Running for"),
        { name: "backend", label: "Machine", cell: (/** @type {any} */ row) => row.backend ?? "–" },
        {
          name: "tokens",
          label: "Tokens in, out",
          numeric: true,
          cell: (/** @type {any} */ row) =>
            // 0 and 0: nothing was told yet
            row.prompt_tokens || row.completion_tokens
              ? `${number(row.prompt_tokens)}, ${number(row.completion_tokens)}`
              : NOTHING,
        },
        {
          name: "speed",
          label: "Tokens/s",
          numeric: true,
          cell: (/** @type {any} */ row) => decimal(row.tokens_per_second),
        },
        {
          name: "ttft",
          label: "First token",
          numeric: true,
          cell: (/** @type {any} */ row) => duration(row.ttft_ms),
        },
        stop,
      ]} />`
      : html`<${Empty}>Nobody is asking the model now.<//>`
  }
  <//>`;

/** @param {{rows: any[], now: string, limit: number}} props */
export const Waiting = ({ rows, now, limit }) =>
  rows.length > 0 &&
  html`<${Card} title=${`Waiting (${rows.length} of ${limit})`} wide>
    <${Table} caption="Waiting requests" rows=${rows} id=${(/** @type {any} */ row) => row.id}
      columns=${[
    {
      name: "place",
      label: "Place",
      numeric: true,
      cell: (/** @type {any} */ row) => number(row.place),
    },
    ...shared(now, "Waiting for"),
    stop,
  ]} />
  <//>`;

/** @param {{row: any}} props */
function Cancel({ row }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {any} */ (null));
  async function cancel() {
    setBusy(true);
    try {
      await send("POST", `/admin/requests/${row.id}/cancel`);
    } catch (problem) {
      setBusy(false);
      // It has ended by itself: the list will say so.
      if (/** @type {any} */ (problem)?.status !== 404) setError(problem);
    }
  }
  return html`<${Button} busy=${busy} onClick=${cancel}
      label=${`Cancel the request of ${nameOf(row)} to ${row.model}`}>Cancel<//>
    <${ErrorBox} error=${error} />`;
}

/** What ended last: those of the log when the page is opened, then each as it ends. */
export function Latest() {
  const [rows, setRows] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    get(`/admin/requests?limit=${KEPT}`).then(
      (page) => setRows((known) => merged(known, page.data)),
      () => {}, // the page Requests says why
    );
    return listen("request", (row) => setRows((known) => merged([row], known)));
  }, []);
  return rows.length > 0 &&
    html`<${Card} title="Last requests" wide>
      <${Table} caption="Requests that ended last" rows=${rows}
        id=${(/** @type {any} */ row) => row.id} columns=${LATEST} />
    <//>`;
}

/** @param {any[]} newer @param {any[]} older */
function merged(newer, older) {
  const ids = new Set(newer.map((row) => row.id));
  return [...newer, ...older.filter((row) => !ids.has(row.id))].slice(0, KEPT);
}

/** @param {any} row */
const end = ({ time, duration_ms }) => new Date(Date.parse(time) + duration_ms).toISOString();

const LATEST = [
  {
    name: "time",
    label: "Ended",
    cell: (/** @type {any} */ row) =>
      html`<a href=${href("requests", row.id)}>${timeOfDay(end(row))}</a>`,
  },
  {
    name: "key",
    label: "Key",
    head: true,
    cell: (/** @type {any} */ row) => who({ key: { id: row.api_key_id, name: row.key_name } }),
  },
  { name: "model", label: "Model", cell: (/** @type {any} */ row) => row.model },
  {
    name: "status",
    label: "Status",
    cell: (/** @type {any} */ row) => html`<${Status} of=${row} />`,
  },
  {
    name: "tokens",
    label: "Tokens",
    numeric: true,
    cell: (/** @type {any} */ row) => number(row.total_tokens),
  },
  {
    name: "ttft",
    label: "First token",
    numeric: true,
    cell: (/** @type {any} */ row) => duration(row.ttft_ms),
  },
  {
    name: "duration",
    label: "Took",
    numeric: true,
    cell: (/** @type {any} */ row) => duration(row.duration_ms),
  },
];
