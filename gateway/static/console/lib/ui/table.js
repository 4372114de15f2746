// Tables that can be sorted, and become lists of cards on a phone.
import { html, useState } from "../preact.js";

/** @typedef {import("preact").ComponentChildren} Children */
/**
 * @template Row
 * @typedef {{name: string, label: string, cell: (row: Row) => Children,
 *   sort?: (row: Row) => string | number, numeric?: boolean, head?: boolean}} Column
 * `sort` gives what a column is sorted by; `head`: the column that names the row.
 */

const ARROWS = { ascending: " ↑", descending: " ↓", none: "" };

/**
 * At most `step` rows are shown at first: a browser takes long for thousands.
 * @template Row
 * @param {{caption: string, columns: Column<Row>[], rows: Row[], id: (row: Row) => string,
 *   step?: number, sorted?: string, down?: boolean}} props
 */
export function Table({ caption, columns, rows, id, step = 100, sorted, down = false }) {
  const [order, setOrder] = useState({ name: sorted ?? "", down });
  const [most, setMost] = useState(step);
  const by = columns.find((one) => one.name === order.name)?.sort;
  const all = by ? [...rows].sort((a, b) => compare(by(a), by(b)) * (order.down ? -1 : 1)) : rows;
  const shown = all.slice(0, most);

  /** @param {string} name */
  const turn = (name) => setOrder({ name, down: order.name === name && !order.down });
  /** @param {Column<Row>} one */
  const sense = (one) =>
    one.name !== order.name ? undefined : order.down ? "descending" : "ascending";

  // The roles are said again: a table that is laid out as cards would lose them.
  return html`<div class="table">
    <table role="table">
      <caption>${caption}</caption>
      <thead role="rowgroup"><tr role="row">${
    columns.map((one) =>
      html`<th role="columnheader" scope="col" class=${one.numeric ? "numeric" : ""}
        aria-sort=${sense(one)}>${
        one.sort
          ? html`<button type="button" onClick=${() => turn(one.name)}>${one.label}<span
              aria-hidden="true">${
            ARROWS[sense(one) ?? "none"]
          }</span></button>`
          : one.label
      }</th>`
    )
  }</tr></thead>
      <tbody role="rowgroup">${
    shown.map((row) =>
      html`<tr role="row" key=${id(row)}>${
        columns.map((one) =>
          html`<${one.head ? "th" : "td"} role=${one.head ? "rowheader" : "cell"}
            scope=${one.head ? "row" : undefined} class=${one.numeric ? "numeric" : ""}
            data-label=${one.label}><div class="cell">${one.cell(row)}</div><//>`
        )
      }</tr>`
    )
  }</tbody>
    </table>
    ${
    shown.length < all.length &&
    html`<p class="more">${shown.length} of ${all.length} are shown.
      <button type="button" onClick=${() => setMost(most + step)}>Show ${
      Math.min(step, all.length - shown.length)
    } more</button></p>`
  }
  </div>`;
}

/** @param {string | number} a @param {string | number} b */
function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true, sensitivity: "base" });
}
