// What a key, or a visitor of one, may use, and what is left.
import { ago, number, time } from "../console/lib/format.js";
import { html } from "../console/lib/preact.js";
import { Bars, Card, Facts } from "../console/lib/ui.js";

/** @param {any} report of GET /v1/usage */
const terms = ({ limits, month, day }) =>
  day
    ? { title: "Today", now: day, limit: limits.tokens_per_day, rate: limits.requests_per_min }
    : { title: "This month", now: month, limit: limits.monthly_token_limit,
      rate: limits.rate_limit_per_min };

/** @param {{report: any}} props */
export function Limits({ report }) {
  const { title, now, limit, rate } = terms(report);
  const text = limit === null
    ? `${number(now.tokens_used)} tokens used`
    : `${number(now.tokens_used)} of ${number(limit)} tokens used`;
  /** @type {[string, import("preact").ComponentChildren][]} */
  const facts = [
    ["Left", limit === null ? "no limit" : `${number(now.tokens_remaining)} tokens`],
    ["Starts again", html`${time(now.resets_at)} <span class="quiet">(${ago(now.resets_at)})</span>`],
    ["Requests so far", number(now.requests)],
    ["Requests a minute", rate === null ? "no limit" : `at most ${number(rate)}`],
  ];
  if (now.tokens_held > 0) {
    facts.splice(1, 0, ["Held", `${number(now.tokens_held)} tokens, for requests that run now`]);
  }
  return html`<${Card} title=${title}>
    <${Bars} used=${now.tokens_used} limit=${limit} text=${text} />
    <${Facts} of=${facts} />
  <//>`;
}
