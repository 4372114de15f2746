// How a request ended.
import { html } from "../lib/preact.js";
import { State } from "../lib/ui.js";

/** @type {Record<string, string>} */
export const WORDS = {
  ok: "done",
  cancelled: "cancelled",
  client_gone: "the client left",
  refused: "refused",
  truncated: "the answer broke off",
  upstream_error: "the model failed",
  upstream_timeout: "the model took too long",
  gateway_stopped: "the gateway was stopped",
  gateway_died: "the gateway ended",
  internal_error: "failed inside",
};
const GOOD = new Set(["ok"]);
const QUIET = new Set(["cancelled", "client_gone", "refused"]);

/** @param {{of: Record<string, any>}} props a row of the log */
export function Status({ of: { status, usage_source } }) {
  const kind = GOOD.has(status) ? "good" : QUIET.has(status) ? "quiet" : "bad";
  const text = WORDS[status] ?? status;
  const shown = usage_source === "estimated" ? `${text} (estimated)` : text;
  return html`<${State} kind=${kind}>${shown}<//>`;
}
