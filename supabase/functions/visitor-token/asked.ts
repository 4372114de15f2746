/** What a page asks for. */

import { readObject } from "../_shared/body.ts";
import { Refusal } from "../_shared/errors.ts";
import { cut } from "../_shared/text.ts";

export const MAX_BODY = 4096;
const LONGEST_PROOF = 2048; // characters, as Cloudflare says
const FIELDS = ["site", "turnstile"];
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface Asked {
  site: string; // the id of the site's key
  turnstile: string | null; // what the widget gave the page
}

/** Who the visitor is stands in no field: a page can claim anything. */
export async function readAsked(request: Request): Promise<Asked | Refusal> {
  const members = await readObject(request, MAX_BODY);
  if (members instanceof Refusal) return members;
  const unknown = [...members.keys()].find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) {
    const text = `The fields here are ${FIELDS.join(", ")}, not '${cut(unknown)}'.`;
    return new Refusal("invalid_request", text);
  }
  const site = members.get("site");
  const turnstile = members.get("turnstile") ?? null;
  if (typeof site !== "string" || !ID.test(site)) {
    return wrong("site", "should be the id of the website's key");
  }
  if (turnstile !== null && !isProof(turnstile)) {
    return wrong("turnstile", "should be what the widget gave the page");
  }
  return { site: site.toLowerCase(), turnstile };
}

function isProof(given: unknown): given is string {
  return typeof given === "string" && given.length <= LONGEST_PROOF && /^[!-~]+$/.test(given);
}

function wrong(name: string, problem: string): Refusal {
  return new Refusal("invalid_request", `${name} ${problem}.`, name);
}
