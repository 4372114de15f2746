// What a usage report is asked for: which days, of whom, and how it is added up.
import { html } from "../lib/preact.js";
import { Select, TextField } from "../lib/ui.js";
import { days, iso, moment, NAMED } from "./days.js";
import { choices } from "./keys.js";
import { DAY } from "./series.js";

/**
 * `from`, `to`: days such as 2026-11-24; `key`: the id of one key, or "" for all.
 * @typedef {{ range: string, from: string, to: string, step: "day" | "hour",
 *   by: "key" | "model" | "visitor", measure: import("./series.js").Measure, key: string }} Asked
 */

export const MOST_HOURS = 31; // days for which the server tells hours
const CUSTOM = "custom";

export const MEASURES = [
  { value: "total_tokens", label: "Tokens" },
  { value: "prompt_tokens", label: "Tokens in" },
  { value: "completion_tokens", label: "Tokens out" },
  { value: "requests", label: "Requests" },
];
const STEPS = [{ value: "day", label: "Days" }, { value: "hour", label: "Hours" }];
const GROUPS = [
  { value: "key", label: "Key" },
  { value: "model", label: "Model" },
  { value: "visitor", label: "Visitor" },
];

/** @param {string} range @returns {{ range: string, from: string, to: string }} */
export function ranged(range) {
  const { from, to } = days(range);
  return { range, from: iso(from), to: iso(to) };
}

/** How many days are asked for. @param {Asked} asked */
export const length = ({ from, to }) => (moment(to) - moment(from)) / DAY + 1;

/**
 * @param {{asked: Asked, change: (changes: Partial<Asked>) => void,
 *   keys: import("./keys.js").Key[] | null}} props
 */
export function Controls({ asked, change, keys }) {
  const ranges = [...NAMED, { value: CUSTOM, label: "Other days" }];
  const steps = length(asked) > MOST_HOURS ? STEPS.slice(0, 1) : STEPS;
  /** @param {string} range */
  const choose = (range) => change(range === CUSTOM ? { range } : ranged(range));
  /** @param {"from" | "to"} name @param {string} label */
  const dayField = (name, label) =>
    html`<${TextField} type="date" label=${label} value=${asked[name]} required
      onInput=${(/** @type {string} */ day) => day && change({ [name]: day })} />`;
  /** @param {keyof Asked} name @param {string} label @param {typeof MEASURES} options */
  const choice = (name, label, options) =>
    html`<${Select} label=${label} value=${asked[name]} options=${options}
      onChange=${(/** @type {any} */ value) => change({ [name]: value })} />`;
  return html`<form class="filters small" onSubmit=${(/** @type {Event} */ event) =>
    event.preventDefault()}>
    <${Select} label="Time" value=${asked.range} options=${ranges} onChange=${choose} />
    ${asked.range === CUSTOM && [dayField("from", "First day"), dayField("to", "Last day")]}
    ${choice("step", "Bars for", steps)}
    ${choice("by", "Stacked by", GROUPS)}
    ${choice("measure", "Of", MEASURES)}
    ${choice("key", "Only the key", choices(keys, "All keys"))}
  </form>`;
}
