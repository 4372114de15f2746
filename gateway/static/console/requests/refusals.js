// What this gateway refused lately.
import { get } from "../lib/api.js";
import { html, useEffect, useState } from "../lib/preact.js";
import { Button, Empty, ErrorBox, Loading, Table } from "../lib/ui.js";
import { moment } from "./time.js";

/** @typedef {import("../lib/ui/table.js").Column<Row>} Column */
/** @typedef {Record<string, any>} Row of GET /admin/refusals */

/** @param {{onOpen: (id: string) => void}} props */
export function Refusals({ onOpen }) {
  const [rows, setRows] = useState(/** @type {Row[] | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [asked, ask] = useState(0);

  useEffect(() => {
    let gone = false;
    get("/admin/refusals").then(
      ({ data }) => !gone && (setRows(data), setError(null)),
      (problem) => !gone && setError(problem),
    );
    return () => void (gone = true);
  }, [asked]);

  if (error?.code === "needs_the_machine") {
    return html`<${Empty}>Each gateway remembers what it refused. You are logged in at the function
      on Supabase: log in to the gateway to see it.<//>`;
  }
  return html`
    <div class="actions"><${Button} onClick=${() => ask(asked + 1)}>Look again<//></div>
    <${ErrorBox} error=${error} />
    ${rows === null && !error && html`<${Loading} />`}
    ${rows?.length === 0 && html`<${Empty}>Nothing was refused since this gateway started.<//>`}
    ${
    rows && rows.length > 0 &&
    html`<${Table} caption="What was refused, the newest first" columns=${columns(onOpen)}
      rows=${rows} step=${50} id=${(/** @type {Row} */ row) => row.request_id} />`
  }`;
}

/** @param {(id: string) => void} onOpen @returns {Column[]} */
const columns = (onOpen) => [
  {
    name: "time",
    label: "Time",
    head: true,
    cell: (row) =>
      html`<button type="button" class="link"
        aria-label=${`${moment(row.time)}, request ${row.request_id}`}
        onClick=${() => onOpen(row.request_id)}>${moment(row.time)}</button>`,
  },
  {
    name: "key",
    label: "Key",
    cell: (row) => row.key?.name ?? (row.prefix ? `${row.prefix}…` : "none"),
  },
  { name: "route", label: "Route", cell: (row) => html`<code class="route">${row.route}</code>` },
  {
    name: "code",
    label: "Answer",
    cell: (row) => html`${row.status} <code class="route">${row.code}</code>`,
  },
  { name: "message", label: "Why", cell: (row) => row.message },
];
