// Whether a key works.
import { day } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { State } from "../../lib/ui.js";

/**
 * @param {any} key
 * @returns {{usable: boolean, kind: "good" | "bad" | "warning" | "quiet", text: string}}
 */
export function stateOf(key) {
  if (key.revoked_at || !key.is_active) {
    return { usable: false, kind: "quiet", text: `revoked ${day(key.revoked_at)}` };
  }
  if (key.expires_at && Date.parse(key.expires_at) <= Date.now()) {
    return { usable: false, kind: "quiet", text: `expired ${day(key.expires_at)}` };
  }
  if (key.tokens_used_month >= key.monthly_token_limit) {
    return { usable: true, kind: "bad", text: "month used up" };
  }
  return { usable: true, kind: "good", text: "works" };
}

/** `quiet`: nothing is said of a key that works. @param {{of: any, quiet?: boolean}} props */
export function KeyState({ of, quiet }) {
  const { kind, text } = stateOf(of);
  return quiet && kind === "good" ? null : html`<${State} kind=${kind}>${text}<//>`;
}
