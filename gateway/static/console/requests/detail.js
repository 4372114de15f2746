// All that is known of one request, whether it was served or refused.
import { get } from "../lib/api.js";
import { decimal, duration, number } from "../lib/format.js";
import { html, useEffect, useState } from "../lib/preact.js";
import { Copy, Dialog, ErrorBox, Facts, Loading } from "../lib/ui.js";
import { Status } from "./status.js";
import { moment } from "./time.js";

/** @typedef {Record<string, any>} Row */

/** @param {{id: string, onClose: () => void}} props */
export function Detail({ id, onClose }) {
  const [found, setFound] = useState(/** @type {{request?: Row, refusal?: Row} | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));

  useEffect(() => {
    let gone = false;
    look(id).then((told) => !gone && setFound(told), (problem) => !gone && setError(problem));
    return () => void (gone = true);
  }, [id]);

  const none = found && !found.request && !found.refusal;
  return html`<${Dialog} title="Request" onClose=${onClose} wide>
    <${Copy} text=${id} label="the request's id" />
    <${ErrorBox} error=${error} />
    ${!found && !error && html`<${Loading} />`}
    ${none && html`<p>Nothing is known of this request. Refused ones are remembered by the gateway
      that refused them, the last 500, until it is restarted.</p>`}
    ${found?.refusal && html`<${Refused} refusal=${found.refusal} />`}
    ${found?.request && html`<${Facts} of=${facts(found.request)} />`}
  <//>`;
}

/** @param {string} id */
async function look(id) {
  const [request, refusals] = await Promise.all([
    unlessAway(get(`/admin/requests/${encodeURIComponent(id)}`)),
    unlessAway(get("/admin/refusals")),
  ]);
  const refusal = refusals?.data.find((/** @type {Row} */ one) => one.request_id === id);
  return { request, refusal };
}

/** @param {Promise<any>} answer undefined: there is nothing by this id, or not at this server */
const unlessAway = (answer) =>
  answer.catch((problem) => {
    if (problem.status !== 404 && problem.status !== 400) throw problem;
    return undefined;
  });

/** Why a request was refused, and what can be done. @param {{refusal: Row}} props */
function Refused({ refusal }) {
  const { message, hint, code, status, key, prefix, visitor, model, route } = refusal;
  return html`
    <div class="refused"><h3>Why it was refused</h3><p>${message}</p>
      ${hint && html`<p><strong>What to do:</strong> ${hint}</p>`}</div>
    <${Facts} of=${[
    ["Answer", `${status} ${code}`],
    ["Time", moment(refusal.time)],
    ["Route", html`<code>${route}</code>`],
    ["Key", key?.name ?? (prefix ? `${prefix}…` : "none that is known")],
    ...(visitor ? [["Visitor", visitor]] : []),
    ...(model ? [["Model", model]] : []),
  ]} />`;
}

/** @type {Record<string, string>} */
const SOURCES = {
  reported: "as the model server reported it",
  estimated: "estimated by the gateway",
  none: "nothing",
};

/** @param {Row} row @returns {[string, import("preact").ComponentChildren][]} */
function facts(row) {
  const spent = row.duration_ms - (row.ttft_ms ?? 0);
  const rate = row.ttft_ms !== null && spent > 0 && row.completion_tokens > 1
    ? `${decimal(1000 * (row.completion_tokens - 1) / spent)} tokens/s`
    : null;
  return [
    ["Time", moment(row.time)],
    ["Status", html`<${Status} of=${row} />`],
    ["Key", row.key_name ?? row.api_key_id],
    ["Visitor", row.visitor ?? "none"],
    ["Model", row.model],
    ["Route", html`<code>${row.route}</code>`],
    ["Machine", row.backend ?? "none"],
    ["Tokens in", number(row.prompt_tokens)],
    ["Tokens out", number(row.completion_tokens)],
    ["Charged", `${number(row.charged_tokens)} tokens`],
    ["Counted", SOURCES[row.usage_source] ?? row.usage_source],
    ["First token", duration(row.ttft_ms)],
    ["Took", duration(row.duration_ms)],
    ...(rate ? [/** @type {[string, string]} */ (["Speed", rate])] : []),
  ];
}
