// What the log is filtered by. A filter that is empty is none.
import { html, useId, useState } from "../lib/preact.js";
import { Button, Select, TextField } from "../lib/ui.js";
import { choices } from "../usage/keys.js";
import { WORDS } from "./status.js";

/** @typedef {Record<string, string>} Filters by the names of the server's parameters */

const SOURCES = [
  { value: "", label: "Any" },
  { value: "reported", label: "Reported by the model" },
  { value: "estimated", label: "Estimated" },
  { value: "none", label: "Nothing to count" },
];
const STATUSES = [
  { value: "", label: "Any" },
  ...Object.entries(WORDS).map(([value, label]) => ({ value, label })),
];
const ROUTES = [
  ...["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/completions"],
  ...["/v1/embeddings", "/v1/generate", "/api/chat", "/api/generate", "/api/embed"],
];

/** What the server is asked with. @param {Filters} filters */
export const given = (filters) =>
  Object.fromEntries(
    Object.entries(filters)
      .map(([name, value]) => [name, /^(from|to)$/.test(name) ? utc(value) : value.trim()])
      .filter(([, value]) => value),
  );

/** A time as the field gives it, in the reader's own zone. @param {string} local */
const utc = (local) => local && new Date(local).toISOString();

/**
 * @param {{filters: Filters, onChange: (filters: Filters) => void,
 *   keys: import("../usage/keys.js").Key[] | null, models: string[]}} props
 */
export function FilterForm({ filters, onChange, keys, models }) {
  const [values, setValues] = useState(filters);
  const list = useId();
  /** @param {string} name */
  const set = (name) => (/** @type {string} */ value) => setValues({ ...values, [name]: value });
  /** @param {string} name @param {string} label @param {string[]} known */
  const text = (name, label, known) =>
    html`<${TextField} label=${label} value=${values[name] ?? ""} onInput=${set(name)}
      list=${`${list}-${name}`} autocomplete="off" />
    <datalist id=${`${list}-${name}`}>${
      known.map((one) => html`<option value=${one} />`)
    }</datalist>`;
  /** @param {string} name @param {string} label */
  const time = (name, label) =>
    html`<${TextField} type="datetime-local" label=${label} value=${values[name] ?? ""}
      onInput=${set(name)} />`;

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    onChange(values);
  }

  function clear() {
    setValues({});
    onChange({});
  }

  return html`<details open=${matchMedia("(min-width: 60rem)").matches}>
  <summary>Filter</summary>
  <form class="filters" onSubmit=${submit}>
    <${Select} label="Key" value=${values.api_key_id ?? ""} onChange=${set("api_key_id")}
      options=${choices(keys, "All keys")} />
    <div>${text("model", "Model", models)}</div>
    <${Select} label="Status" value=${values.status ?? ""} onChange=${set("status")}
      options=${STATUSES} />
    <div>${text("route", "Route", ROUTES)}</div>
    <${Select} label="Counts" value=${values.usage_source ?? ""} onChange=${set("usage_source")}
      options=${SOURCES} />
    <div>${text("visitor", "Visitor", [])}</div>
    ${time("from", "From")}
    ${time("to", "Before")}
    <div class="actions">
      <${Button} submit kind="main">Filter<//>
      <${Button} onClick=${clear}>Clear<//>
    </div>
  </form>
  </details>`;
}
