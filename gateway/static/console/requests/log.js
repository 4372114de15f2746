// The log of requests, the newest first, a page at a time.
import { get } from "../lib/api.js";
import { duration, number } from "../lib/format.js";
import { html, useEffect, useState } from "../lib/preact.js";
import { Button, Empty, ErrorBox, Loading, Table } from "../lib/ui.js";
import { FilterForm, given } from "./filters.js";
import { Status } from "./status.js";
import { moment } from "./time.js";

/** @typedef {import("../lib/ui/table.js").Column<Row>} Column */
/** @typedef {Record<string, any>} Row of GET /admin/requests */
/** @typedef {{data: Row[], next_cursor: string | null}} Listed */

// Rows on a page: on a phone each is a card.
const SIZE = matchMedia("(min-width: 48rem)").matches ? "50" : "20";

/**
 * @param {{keys: import("../usage/keys.js").Key[] | null, onOpen: (id: string) => void}} props
 */
export function Log({ keys, onOpen }) {
  const [filters, setFilters] = useState(/** @type {Record<string, string>} */ ({}));
  // The cursors of the pages that were turned to, the shown one last.
  const [cursors, setCursors] = useState(/** @type {string[]} */ ([]));
  const [page, setPage] = useState(/** @type {Listed | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [asked, ask] = useState(0);
  const cursor = cursors.at(-1);

  useEffect(() => {
    let gone = false;
    const query = { limit: SIZE, ...given(filters), ...(cursor && { cursor }) };
    get(`/admin/requests?${new URLSearchParams(query)}`).then(
      (found) => !gone && (setPage(found), setError(null)),
      (problem) => !gone && setError(problem),
    );
    return () => void (gone = true);
  }, [filters, cursor, asked]);

  /** @param {Record<string, string>} chosen */
  function filter(chosen) {
    setFilters(chosen);
    setCursors([]);
  }

  const models = [...new Set(page?.data.map((row) => row.model))];
  return html`
    <${FilterForm} filters=${filters} onChange=${filter} keys=${keys} models=${models} />
    <${ErrorBox} error=${error} />
    ${page === null && !error && html`<${Loading} />`}
    ${page?.data.length === 0 && html`<${Empty}>No request fits.<//>`}
    ${
    page && page.data.length > 0 &&
    html`<${Table} caption="Requests, the newest first" columns=${columns(onOpen)} rows=${page.data}
      id=${(/** @type {Row} */ row) => row.id} />`
  }
    <nav class="pager" aria-label="Pages of the log">
      <${Button} disabled=${cursors.length === 0}
        onClick=${() => setCursors(cursors.slice(0, -1))}>← Newer<//>
      <span role="status">Page ${cursors.length + 1}</span>
      <${Button} disabled=${!page?.next_cursor}
        onClick=${() => setCursors([...cursors, String(page?.next_cursor)])}>Older →<//>
      <${Button} onClick=${() => (setCursors([]), ask(asked + 1))}>Newest, again<//>
    </nav>`;
}

/** @param {(id: string) => void} onOpen @returns {Column[]} */
const columns = (onOpen) => [
  {
    name: "time",
    label: "Time",
    head: true,
    cell: (row) =>
      html`<button type="button" class="link" aria-label=${`${moment(row.time)}, request ${row.id}`}
        onClick=${() => onOpen(row.id)}>${moment(row.time)}</button>`,
  },
  { name: "key", label: "Key", cell: (row) => row.key_name ?? "a deleted key" },
  { name: "model", label: "Model", cell: (row) => row.model },
  { name: "route", label: "Route", cell: (row) => html`<code class="route">${row.route}</code>` },
  { name: "status", label: "Status", cell: (row) => html`<${Status} of=${row} />` },
  {
    name: "tokens",
    label: "Tokens in, out",
    numeric: true,
    cell: (row) =>
      `${number(row.prompt_tokens)}, ${number(row.completion_tokens)}`,
  },
  {
    name: "first",
    label: "First token",
    numeric: true,
    cell: (row) => duration(row.ttft_ms),
  },
  {
    name: "duration",
    label: "Took",
    numeric: true,
    cell: (row) => duration(row.duration_ms),
  },
];
