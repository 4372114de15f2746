// What a key used, by day and model: a picture and the numbers.
import { number } from "../console/lib/format.js";
import { html, useEffect, useMemo, useState } from "../console/lib/preact.js";
import { Card, Chart, Empty, ErrorBox, Loading, Select, Table } from "../console/lib/ui.js";
import { days, iso, moment, NAMED, words } from "../console/usage/days.js";
import { DAY, stack } from "../console/usage/series.js";
import { explain } from "./words.js";

const RANGES = NAMED.filter(({ value }) => value !== "7");

/** @type {import("../console/lib/ui/table.js").Column<any>[]} */
const COLUMNS = [
  { name: "date", label: "Day (UTC)", head: true, cell: (row) => words(moment(row.date), DAY) },
  { name: "model", label: "Model", cell: (row) => row.model },
  ...["requests", "prompt_tokens", "completion_tokens", "total_tokens"].map((name, index) => ({
    name,
    label: ["Requests", "Tokens in", "Tokens out", "Tokens"][index],
    numeric: true,
    cell: (/** @type {any} */ row) => number(row[name]),
  })),
];

/**
 * `changed`: another number means that it has to be asked again.
 * @param {{server: ReturnType<import("../console/chat/ask.js").holder>, changed: number}} props
 */
export function Use({ server, changed }) {
  const [range, setRange] = useState("month");
  const [rows, setRows] = useState(/** @type {any[] | null} */ (null));
  const [error, setError] = useState("");
  const { from, to } = useMemo(() => days(range), [range, changed]);

  useEffect(() => {
    let gone = false;
    server.get(`/v1/usage?from=${iso(from)}&to=${iso(to)}`).then(
      (report) => !gone && (setRows(report.by_day), setError("")),
      (problem) => !gone && setError(explain(problem)),
    );
    return () => void (gone = true);
  }, [server, from, to, changed]);

  const drawn = useMemo(() =>
    stack(rows ?? [], {
      measure: "total_tokens",
      step: DAY,
      from,
      to,
      label: (row) => row.model ?? "Tokens",
    }), [rows]);
  const columns = COLUMNS.filter((one) => one.name !== "model" || rows?.some((row) => row.model));
  return html`<${Card} title="What was used" wide>
    <${Select} label="Time" value=${range} onChange=${setRange} options=${RANGES} />
    <${ErrorBox} error=${error} />
    ${rows === null && !error && html`<${Loading} />`}
    ${rows?.length === 0 && html`<${Empty}>Nothing was used in this time.<//>`}
    ${
    rows !== null && rows.length > 0 && html`
      <${Chart} title="Tokens used on each day, by model" times=${drawn.times}
        series=${drawn.series} step=${DAY} />
      <details><summary>In numbers</summary>
        <${Table} caption="Use by day and model" columns=${columns} step=${31}
          rows=${rows.toReversed()} id=${(/** @type {any} */ row) => `${row.date} ${row.model}`} />
      </details>`
  }
  <//>`;
}
