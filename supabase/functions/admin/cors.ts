/** Which websites' pages may read the answers: the rules and headers of gateway/http/cors.py. */

import { isAmong } from "../_shared/origins.ts";

const EXPOSED = "x-request-id, retry-after, x-should-retry, x-localllm-ignored, " +
  "x-localllm-prompt-cut, x-ratelimit-limit-requests, " +
  "x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-ratelimit-limit-tokens, " +
  "x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens";
const METHODS = "GET, POST, PATCH, DELETE, OPTIONS";
const DEFAULT_HEADERS = "content-type, x-admin-secret";
const LONGEST_ORIGIN = 300; // bytes; more than any has

/** What the page at `origin` is granted; null: it may not call. */
export function grant(headers: Headers, allowed: string[]): Record<string, string> | null {
  const origin = headers.get("origin");
  if (origin === null) return {};
  if (origin.length > LONGEST_ORIGIN) return null;
  const own = /:\/\/(.*)/.exec(origin)?.[1] === headers.get("host");
  const any = allowed.includes("*");
  if (!any && !own && !isAmong(allowed, origin)) {
    return null;
  }
  return {
    "vary": "Origin",
    "access-control-allow-origin": any ? "*" : origin,
    "access-control-expose-headers": EXPOSED,
  };
}

/** Say yes to the headers that are asked for; the browser keeps the answer for two hours. */
export function preflight(headers: Headers): Record<string, string> {
  return {
    "access-control-allow-methods": METHODS,
    "access-control-allow-headers": headers.get("access-control-request-headers") ||
      DEFAULT_HEADERS,
    "access-control-max-age": "7200",
  };
}
