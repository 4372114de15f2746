/**
 * A table as CSV (RFC 4180) that a spreadsheet shows and never runs. A text that a spreadsheet
 * would take for a formula gets an apostrophe before it; numbers stay numbers.
 */

const FORMULA = /^(?:[\t\r\n]|\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/;

/**
 * @param {string[]} names
 * @param {(string | number | null | undefined)[][]} rows
 */
export function csv(names, rows) {
  return [names, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** @param {string | number | null | undefined} value */
function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Let the browser save a text as a file. The mark at its beginning tells Excel that it is UTF-8.
 *
 * @param {string} name
 * @param {string} text
 */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob(["\uFEFF", text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url)); // after the browser has taken it
}
