// What was used: by day or hour, by key, model or visitor.
import { get } from "../lib/api.js";
import { number } from "../lib/format.js";
import { html, useCallback, useEffect, useState } from "../lib/preact.js";
import { Empty, ErrorBox, Heading, Loading } from "../lib/ui.js";
import { Controls, length, MOST_HOURS, ranged } from "../usage/controls.js";
import { nameOf, useKeys } from "../usage/keys.js";
import { Report } from "../usage/report.js";

/** @typedef {import("../usage/controls.js").Asked} Asked */
/** @typedef {{asked: Asked, data: any[], total: any}} Told */

/** @type {Asked} */
const FIRST = { ...ranged("month"), step: "day", by: "key", measure: "total_tokens", key: "" };

export function Page() {
  const keys = useKeys();
  const [asked, setAsked] = useState(FIRST);
  const [told, setTold] = useState(/** @type {Told | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));

  /** @param {Partial<Asked>} changes */
  function change(changes) {
    const next = { ...asked, ...changes };
    setAsked(length(next) > MOST_HOURS ? { ...next, step: "day" } : next);
  }

  useEffect(() => {
    let gone = false;
    get(`/admin/usage?${query(asked)}`).then(
      ({ data, total }) => !gone && (setTold({ asked, data, total }), setError(null)),
      (problem) => !gone && setError(problem),
    );
    return () => void (gone = true);
  }, [asked.from, asked.to, asked.step, asked.by, asked.key]);

  const label = useCallback((/** @type {any} */ row) => whose(row, keys ?? []), [keys]);
  const shown = told && { ...told.asked, measure: asked.measure };
  return html`<${Heading} title="Usage"
      note=${told && words(told.total)} />
    <${Controls} asked=${asked} change=${change} keys=${keys} />
    <${ErrorBox} error=${error} />
    ${told === null && !error && html`<${Loading} />`}
    ${told?.data.length === 0 && html`<${Empty}>Nothing was used in this time.<//>`}
    ${
    told && told.data.length > 0 &&
    html`<${Report} rows=${told.data} asked=${shown} label=${label} />`
  }`;
}

/** @param {any} total */
const words = ({ requests, total_tokens }) =>
  `${number(requests)} requests, ${number(total_tokens)} tokens`;

/** @param {Asked} asked */
function query({ from, to, step, by, key }) {
  const given = { from, to, group_by: `${step},${by}`, ...(key && { api_key_id: key }) };
  return new URLSearchParams(given);
}

/** @param {any} row @param {any[]} keys */
function whose({ api_key_id, model, visitor, visitor_name }, keys) {
  if (visitor) return visitor_name ? `${visitor_name} (${visitor.slice(0, 8)})` : visitor;
  return model ?? (api_key_id ? nameOf(keys, api_key_id) : "no visitor");
}
