/**
 * Rows of a usage report as what a chart stacks: one list of numbers for each key, model or visitor,
 * with a number for each day or hour, also for those in which nothing was used.
 *
 * @typedef {"total_tokens" | "prompt_tokens" | "completion_tokens" | "requests"} Measure
 * @typedef {Record<Measure, number> & Record<string, any>} Row
 * @typedef {{ label: string, values: number[], total: number }} Series
 * @typedef {{ times: number[], series: Series[] }} Stack times in seconds (UTC)
 */

export const DAY = 86_400;
export const HOUR = 3_600;
const MOST = 7; // so many colours can be told apart; the rest becomes one

/**
 * @param {Row[]} rows each with `date` (a day) or `hour` (a time)
 * @param {{ measure: Measure, step: number, from: number, to: number, label: (row: Row) => string }} how
 *   `from`, `to`: the first and the last step, in seconds
 * @returns {Stack}
 */
export function stack(rows, { measure, step, from, to, label }) {
  const count = Math.max(1, Math.round((to - from) / step) + 1);
  const times = Array.from({ length: count }, (_, index) => from + index * step);
  /** @type {Map<string, Series>} */
  const found = new Map();
  for (const row of rows) {
    const index = Math.floor((timeOf(row) - from) / step);
    if (!(index >= 0 && index < count)) continue;
    const called = label(row);
    let one = found.get(called);
    if (!one) {
      one = { label: called, values: new Array(count).fill(0), total: 0 };
      found.set(called, one);
    }
    one.values[index] += row[measure];
    one.total += row[measure];
  }
  const sorted = [...found.values()].sort((a, b) => b.total - a.total);
  return { times, series: fewer(sorted) };
}

/** @param {Row} row */
export function timeOf(row) {
  return Date.parse(row.hour ?? row.date) / 1000; // a bare date is in UTC
}

/**
 * @param {Series[]} sorted
 * @returns {Series[]}
 */
function fewer(sorted) {
  if (sorted.length <= MOST + 1) return sorted;
  const others = sorted.slice(MOST);
  const values = others[0].values.map((_, index) =>
    others.reduce((sum, one) => sum + one.values[index], 0)
  );
  const total = others.reduce((sum, one) => sum + one.total, 0);
  return [...sorted.slice(0, MOST), { label: `${others.length} others`, values, total }];
}
