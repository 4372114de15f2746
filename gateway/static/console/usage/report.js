// A usage report: a picture, its numbers, and a file to take along.
import { number } from "../lib/format.js";
import { html, useMemo } from "../lib/preact.js";
import { Button, Card, Chart, Table } from "../lib/ui.js";
import { csv, download } from "./csv.js";
import { moment, words } from "./days.js";
import { DAY, HOUR, stack, timeOf } from "./series.js";

/** @typedef {import("../lib/ui/table.js").Column<any>} Column */
/** @typedef {import("./series.js").Row} Row */
/** @typedef {import("./controls.js").Asked} Asked */

const COUNTS = /** @type {const} */ (
  ["requests", "prompt_tokens", "completion_tokens", "total_tokens"]
);
const TITLES = ["Requests", "Tokens in", "Tokens out", "Tokens"];

/**
 * `label`: whose a row is, in words.
 * @param {{rows: Row[], asked: Asked, label: (row: Row) => string}} props
 */
export function Report({ rows, asked, label }) {
  const step = asked.step === "hour" ? HOUR : DAY;
  const whose = { key: "Key", model: "Model", visitor: "Visitor" }[asked.by];
  const drawn = useMemo(() =>
    stack(rows, {
      measure: asked.measure,
      step,
      from: moment(asked.from),
      to: moment(asked.to) + (step === HOUR ? DAY - HOUR : 0),
      label,
    }), [rows, asked.measure, label]);
  const totals = useMemo(() => added(rows, label), [rows, label]);
  const when = step === HOUR ? "Hour (UTC)" : "Day (UTC)";

  function save() {
    const lines = rows.map((row) => [row.hour ?? row.date, label(row), ...numbers(row)]);
    const name = `usage ${asked.from} to ${asked.to}.csv`;
    download(name, csv([asked.step, asked.by, ...COUNTS], lines));
  }

  return html`
    <${Card} title=${`By ${asked.step} and ${asked.by}`} wide>
      <${Chart} title=${`By ${asked.step}, stacked by ${asked.by}`} times=${drawn.times}
        series=${drawn.series} step=${step} height=${300} />
    <//>
    <${Card} title=${`By ${asked.by}`} wide>
      <${Table} caption=${`Use by ${asked.by}`} columns=${[name(whose), ...counts()]}
        rows=${totals} sorted="total_tokens" down id=${(/** @type {any} */ row) => row.label} />
    <//>
    <${Card} title="Every row" wide>
      <div class="actions"><${Button} onClick=${save}>Save as CSV<//></div>
      <${Table} caption=${`Use by ${asked.step} and ${asked.by}`} step=${20} sorted="when" down
        columns=${[time(when, step), name(whose, label), ...counts()]} rows=${rows}
        id=${(/** @type {Row} */ row) => `${row.hour ?? row.date} ${label(row)}`} />
    <//>`;
}

/** @param {Row} row */
const numbers = (row) => COUNTS.map((one) => row[one]);

/** The same without the time. @param {Row[]} rows @param {(row: Row) => string} label */
function added(rows, label) {
  /** @type {Map<string, any>} */
  const found = new Map();
  for (const row of rows) {
    const whose = label(row);
    const sum = found.get(whose) ?? { label: whose };
    for (const one of COUNTS) sum[one] = (sum[one] ?? 0) + row[one];
    found.set(whose, sum);
  }
  return [...found.values()];
}

/** @param {string} title @param {(row: any) => string} [label] @returns {Column} */
const name = (title, label = (row) => row.label) => ({
  name: "label",
  label: title,
  cell: label,
  sort: label,
  head: true,
});

/** @param {string} title @param {number} step @returns {Column} */
const time = (title, step) => ({
  name: "when",
  label: title,
  cell: (row) => words(timeOf(row), step),
  sort: timeOf,
});

/** @returns {Column[]} */
const counts = () =>
  COUNTS.map((one, index) => ({
    name: one,
    label: TITLES[index],
    numeric: true,
    cell: (row) => number(row[one]),
    sort: (row) => row[one],
  }));
