/** Questions to a server that decides who a visitor is. */

import { Refusal } from "../_shared/errors.ts";

export type Ask = typeof fetch;

const PATIENCE = 5000; // ms for each attempt
const RETRY_AFTER_MS = 5000;

/** Its answer, with the JSON object in it, if there is one; null: it could not be reached. */
export async function ask(
  fetching: Ask,
  address: string,
  request: RequestInit,
): Promise<{ status: number; body: Record<string, unknown> } | null> {
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const answer = await fetching(address, { ...request, redirect: "error", signal });
    const body = await answer.json().catch((problem) => {
      if (problem instanceof SyntaxError) return {};
      throw problem;
    });
    const isObject = typeof body === "object" && body !== null;
    return { status: answer.status, body: isObject ? body : {} };
  } catch {
    return null;
  }
}

/** `who` does not say who the visitor is. The owner's log gets to know more. */
export function away(who: string, why: string): Refusal {
  console.error(`${who} ${why}.`);
  return new Refusal("issuer_unavailable", `${who} does not answer`, null, RETRY_AFTER_MS);
}
