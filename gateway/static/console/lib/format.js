// Numbers, times and sizes for people.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const single = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const date = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
export const NOTHING = "–";

/** 1234567 → 1,234,567. @param {number | null | undefined} value */
export const number = (value) => value == null ? NOTHING : whole.format(value);

/** 1234567 → 1.2M. @param {number | null | undefined} value */
export const compact = (value) => value == null ? NOTHING : short.format(value);

/** 12.345 → 12.3. @param {number | null | undefined} value */
export const decimal = (value) => value == null ? NOTHING : single.format(value);

/** A day, in the reader's own zone. @param {string | null | undefined} iso */
export const day = (iso) => written(date, iso);

/** A day and a time, in the reader's own zone. @param {string | null | undefined} iso */
export const time = (iso) => written(moment, iso);

/** A time of today, in the reader's own zone. @param {string | null | undefined} iso */
export const timeOfDay = (iso) => written(clock, iso);

/** @param {Intl.DateTimeFormat} form @param {string | null | undefined} iso */
function written(form, iso) {
  const at = iso ? new Date(iso) : null;
  return at && Number.isFinite(at.getTime()) ? form.format(at) : NOTHING;
}

/** 3.6e9 → 3.4 GiB. @param {number | null | undefined} value */
export function bytes(value) {
  if (value == null) return NOTHING;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${single.format(value)} ${units[unit]}`;
}

/** 850 → 850 ms, 12345 → 12.3 s, 93000 → 1 min 33 s. @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms == null) return NOTHING;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${single.format(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const found = [];
  let left = seconds;
  for (const [size, unit] of /** @type {[number, string][]} */ (parts)) {
    if (left >= size) found.push(`${Math.floor(left / size)} ${unit}`);
    left %= size;
  }
  return found.slice(0, 2).join(" ");
}

/** How long ago, or in how long: "5 min ago", "in 3 d". @param {string | null | undefined} iso */
export function ago(iso, now = Date.now()) {
  if (!iso) return "never";
  const passed = now - Date.parse(iso);
  if (Math.abs(passed) < 5000) return "now";
  const [text] = duration(Math.abs(passed) - Math.abs(passed) % 1000).split(/(?<=[a-z]) (?=\d)/);
  return passed > 0 ? `${text} ago` : `in ${text}`;
}

/** 0.256 → 26 %. @param {number} part */
export const percent = (part) => `${Math.round(part * 100)} %`;
