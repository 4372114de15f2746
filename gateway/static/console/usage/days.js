// Days are those of UTC, as the server counts them; a moment is seconds since 1970.
import { DAY, HOUR } from "./series.js";

/** @typedef {{ from: number, to: number }} Days the first moments of the first and the last day */

/** @param {number} moment @returns {string} such as 2026-11-24 */
export const iso = (moment) => new Date(moment * 1000).toISOString().slice(0, 10);

/** @param {string} text such as 2026-11-24 */
export const moment = (text) => Date.parse(`${text}T00:00:00Z`) / 1000;

const shown = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
const hour = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "short",
  timeZone: "UTC",
});

/** @param {number} moment @param {number} step a day or an hour */
export const words = (moment, step) => (step === HOUR ? hour : shown).format(moment * 1000);

/** @param {number} [now] */
export const today = (now = Date.now() / 1000) => Math.floor(now / DAY) * DAY;

/** The first of the month of a moment, or of one so many months away. @param {number} at @param {number} [months] */
function first(at, months = 0) {
  const date = new Date(at * 1000);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months) / 1000;
}

/** @type {Record<string, (to: number) => Days>} */
const RANGES = {
  month: (to) => ({ from: first(to), to }),
  last: (to) => ({ from: first(to, -1), to: first(to) - DAY }),
  7: (to) => ({ from: to - 6 * DAY, to }),
  30: (to) => ({ from: to - 29 * DAY, to }),
  90: (to) => ({ from: to - 89 * DAY, to }),
};

/** What there is to choose. */
export const NAMED = [
  { value: "month", label: "This month" },
  { value: "last", label: "Last month" },
  { value: "7", label: "The last 7 days" },
  { value: "30", label: "The last 30 days" },
  { value: "90", label: "The last 90 days" },
];

/** @param {string} name of NAMED */
export const days = (name) => RANGES[name](today());
