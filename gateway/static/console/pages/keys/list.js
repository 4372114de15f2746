// All keys in a table, with a search.
import { ago, compact, number } from "../../lib/format.js";
import { html, useMemo, useState } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Bars, Empty, Select, Table, TextField } from "../../lib/ui.js";
import { KeyState, stateOf } from "./state.js";

const SHOWN = [
  { value: "usable", label: "that work" },
  { value: "ended", label: "that ended" },
  { value: "all", label: "all" },
];

const HINT = "Name, e-mail, first letters of the key, model or website.";
const TRIED = "Search for playground to see the keys of what was tried.";

/** @param {{keys: any[]}} props */
export function KeyList({ keys }) {
  const [words, setWords] = useState("");
  const [shown, setShown] = useState("usable");
  const rows = useMemo(() => found(keys, words, shown), [keys, words, shown]);

  if (keys.length === 0) return html`<${Empty}>There is no key yet. Make one with New key.<//>`;
  return html`<div class="pair search" role="search">
      <${TextField} label="Search" type="search" value=${words} onInput=${setWords}
        hint=${keys.some(isPlaygrounds) ? `${HINT} ${TRIED}` : HINT} />
      <${Select} label="Keys" value=${shown} onChange=${setShown} options=${SHOWN} />
    </div>
    <p class="quiet" role="status">${number(rows.length)} of ${number(keys.length)} keys</p>
    ${
    rows.length
      ? html`<${Table} key=${`${words} ${shown}`} caption="Keys" columns=${COLUMNS} rows=${rows}
          id=${(/** @type {any} */ row) => row.id} sorted="used" down />`
      : html`<${Empty}>No key is like that.<//>`
  }`;
}

/** What was made to try things, and ends by itself. @param {any} key */
const isPlaygrounds = (key) => key.label.startsWith("playground: ");

/** @param {any[]} keys @param {string} words @param {string} shown */
function found(keys, words, shown) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return keys.filter((key) => {
    const usable = stateOf(key).usable;
    if (!wanted.length && isPlaygrounds(key)) return false;
    if (shown !== "all" && usable !== (shown === "usable")) return false;
    const text = [
      key.label,
      key.owner_email,
      key.prefix,
      key.id,
      ...key.allowed_models ?? [],
      ...key.allowed_origins ?? [],
    ].join("\n").toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/** @param {any} key */
const part = (key) => key.monthly_token_limit ? key.tokens_used_month / key.monthly_token_limit : 1;

const COLUMNS = [
  {
    name: "label",
    label: "Name",
    head: true,
    sort: (/** @type {any} */ key) => key.label,
    cell: (/** @type {any} */ key) =>
      html`<a href=${href("keys", key.id)}>${key.label}</a> <${KeyState} of=${key} quiet />
        <div class="quiet small"><code>${key.prefix}…</code>${
        key.owner_email && html` ${key.owner_email}`
      }</div>`,
  },
  {
    name: "used",
    label: "Used this month",
    sort: part,
    cell: (/** @type {any} */ key) =>
      html`<${Bars} used=${key.tokens_used_month} limit=${key.monthly_token_limit}
        text=${`${compact(key.tokens_used_month)} of ${compact(key.monthly_token_limit)}`} />`,
  },
  {
    name: "rate",
    label: "A minute",
    numeric: true,
    sort: (/** @type {any} */ key) => key.rate_limit_per_min,
    cell: (/** @type {any} */ key) => number(key.rate_limit_per_min),
  },
  {
    name: "for",
    label: "For",
    sort: (/** @type {any} */ key) => lane(key),
    cell: (/** @type {any} */ key) => lane(key),
  },
  {
    name: "last",
    label: "Last used",
    sort: (/** @type {any} */ key) => key.last_used_at ? Date.parse(key.last_used_at) : 0,
    cell: (/** @type {any} */ key) => ago(key.last_used_at),
  },
];

/** What it is narrowed to, in a few words. @param {any} key */
function lane(key) {
  const all = [...key.allowed_origins ?? [], ...key.allowed_models ?? []];
  if (key.allowed_models?.length === 0) return "no model";
  const [first, ...others] = all;
  const more = others.length ? ` and ${others.length} more` : "";
  return first ? first + more : "every model and website";
}
