/**
 * Proofs of Turnstile, Cloudflare's check for people: the page's widget gives one, and Cloudflare
 * says whether it is good. A proof counts once, and for five minutes.
 * https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
 */

import { Refusal } from "../_shared/errors.ts";
import { type Ask, ask, away } from "./asking.ts";

export const SITEVERIFY = "https://challenges.cloudflare.com/turnstile/v0/siteverify";
const NAME = "Turnstile";
const ATTEMPTS = 2;

/** Null: somebody at this address has just solved it on a page of this website. */
export async function checkProof(
  fetching: Ask,
  secret: string,
  proof: string,
  origin: string,
  address: string,
): Promise<Refusal | null> {
  // With one key, an attempt whose answer was lost does not use up the proof of the next.
  const body = JSON.stringify({
    secret,
    response: proof,
    remoteip: address,
    idempotency_key: crypto.randomUUID(),
  });
  const request = { method: "POST", headers: { "content-type": "application/json" }, body };
  let why = "could not be reached";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const answer = await ask(fetching, SITEVERIFY, request);
    if (answer === null) continue;
    const { success, hostname } = answer.body;
    const codes = codesOf(answer.body);
    if (success === true) {
      return hostname === URL.parse(origin)?.hostname
        ? null
        : refused("comes from a page of another website");
    }
    if (codes.some((code) => code.endsWith("-input-secret"))) {
      return away(NAME, `refuses TURNSTILE_SECRET (${codes.join(", ")})`);
    }
    if (success === false && codes.length > 0 && !codes.includes("internal-error")) {
      return refused("is wrong, too old, or has been used");
    }
    why = `answered with status ${answer.status}`;
  }
  return away(NAME, why);
}

function codesOf(body: Record<string, unknown>): string[] {
  const codes = body["error-codes"];
  return Array.isArray(codes) ? codes.map((code) => String(code).slice(0, 50)).slice(0, 5) : [];
}

function refused(why: string): Refusal {
  return new Refusal("invalid_request", `turnstile ${why}: show the widget again.`, "turnstile");
}
