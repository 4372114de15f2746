// The part of the form that says who the visitors of a key are.
import { html } from "../../lib/preact.js";
import { Select, TextField } from "../../lib/ui.js";

const WAYS = [
  { value: "none", label: "Nobody: the key alone counts" },
  { value: "address", label: "By address: the key is in the page" },
  { value: "token", label: "By token: the website's server makes one for each" },
  { value: "issuer", label: "By log-in: Supabase Auth or another service" },
  { value: "json", label: "As JSON: several ways, plans, anonymous users" },
];
const HINTS = {
  none: "For programs, friends and servers.",
  address: "Each address has a day of its own.",
  token: "The key stays on the server. POST /v1/visitor-tokens makes a token for a visitor.",
  issuer: "The page sends the token of its log-in in place of the key.",
  json: "As the field visitors of the API has it.",
};
const NO_TUNNEL = "By address works once this machine has its tunnel, or a proxy in TRUSTED_PROXIES.";
const TRY = "To try the key on this machine, choose Nobody.";

/**
 * @param {{form: import("./fields.js").Form, error: any,
 *   change: (changes: Partial<import("./fields.js").Form>) => void,
 *   bound: (name: keyof import("./fields.js").Form) => Record<string, unknown>,
 *   tellsAddresses: boolean}} props
 */
export function VisitorFields({ form, change, bound, error, tellsAddresses }) {
  const way = /** @type {keyof typeof HINTS} */ (form.by);
  const wrong = error?.param === "visitors" && error.message;
  const untold = wrong && /TRUSTED_PROXIES/.test(wrong); // this machine is not ready for it
  const hint = ["none", "address"].includes(way) && !tellsAddresses && !untold
    ? `${HINTS[way]} ${NO_TUNNEL}`
    : HINTS[way];
  return html`<fieldset><legend>Visitors of a website</legend>
    <${Select} label="How they are told apart" value=${form.by} options=${WAYS}
      hint=${hint} error=${untold ? `${wrong} ${TRY}` : wrong}
      onChange=${(/** @type {string} */ by) => change({ by })} />
    ${
    way === "issuer" && html`<div class="pair">
        <${TextField} label="Issuer" ...${bound("issuer")}
          hint="Who signs the tokens, such as https://REF.supabase.co/auth/v1" />
        <${TextField} label="Audience" ...${bound("audience")} hint="In Supabase: authenticated" />
      </div>`
  }
    ${
    ["address", "token", "issuer"].includes(way) && html`<div class="pair">
        <${TextField} label="Tokens a day for each" inputmode="numeric"
          ...${bound("tokens_per_day")} />
        <${TextField} label="Requests a minute for each" inputmode="numeric"
          ...${bound("requests_per_min")} />
        <${TextField} label="Tokens of one answer for each" inputmode="numeric"
          ...${bound("visitor_output")} />
      </div>`
  }
    ${way === "json" && html`<${TextField} label="Visitors" rows="8" ...${bound("json")} />`}
  </fieldset>`;
}
