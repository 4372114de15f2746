/** Answers as HTTP has them, alike in all functions. */

import { Refusal } from "./errors.ts";
import { type Row, StoreUnavailable } from "./store.ts";

const MAX_HEADERS = 32 * 1024; // bytes, as much as Cloudflare lets through
const HOPELESS = new Set([401, 403]); // the same request will not succeed later
export const RETRY_AFTER_MS = 5000; // while the database is away
const JSON_HEADERS = {
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

export type Answer = Row | Refusal;
export type Headers = Record<string, string>;
export type Reply = [status: number, answer: Answer, headers: Headers];
export type Handler = (request: Request, peer?: string) => Promise<Response>;

/** The function of an owner whose settings are wrong: no route works until they are right. */
export function makeBroken(problem: string): Handler {
  return () => {
    console.error(`The function cannot work: ${problem}`);
    const headers = { "x-request-id": crypto.randomUUID() };
    return Promise.resolve(respond(500, new Refusal("internal_error"), headers));
  };
}

/** Whether the headers are more than a proxy would let through. */
export function hasHugeHeaders(request: Request): boolean {
  let size = 0;
  for (const [name, value] of request.headers) size += name.length + value.length;
  return size > MAX_HEADERS;
}

export function refuse(refusal: Refusal, headers: Headers = {}): Reply {
  const more: Headers = {};
  if (HOPELESS.has(refusal.status)) more["x-should-retry"] = "false";
  if (refusal.retryAfterMs !== null) {
    more["retry-after"] = String(Math.max(1, refusal.waitSeconds));
  }
  return [refusal.status, refusal, { ...headers, ...more }];
}

export function failure(problem: unknown): Refusal {
  if (problem instanceof StoreUnavailable) {
    console.error(problem.message);
    return new Refusal("store_unavailable", "", null, RETRY_AFTER_MS);
  }
  console.error("The request failed inside:", problem);
  return new Refusal("internal_error");
}

export function respond(status: number, answer: Answer, headers: Headers): Response {
  const body = answer instanceof Refusal ? answer.body : JSON.stringify(answer);
  return new Response(body, { status, headers: { ...JSON_HEADERS, ...headers } });
}
