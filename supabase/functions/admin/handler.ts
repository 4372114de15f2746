/** One request from its first header to its answer: what holds for all routes, in order. */

import type { Answer } from "./administration.ts";
import { grant, preflight } from "./cors.ts";
import { Refusal } from "./errors.ts";
import { login } from "./login.ts";
import { pathOf } from "./paths.ts";
import { find } from "./routes.ts";
import type { Settings } from "./settings.ts";
import { type Store, StoreUnavailable } from "./store.ts";

const MAX_HEADERS = 32 * 1024; // bytes, as much as Cloudflare lets through
const HOPELESS = new Set([401, 403]); // the same request will not succeed later
const RETRY_AFTER_MS = 5000; // while the database is away
const JSON_HEADERS = {
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

type Headers = Record<string, string>;
type Reply = [status: number, answer: Answer, headers: Headers];
export type Handler = (request: Request, peer?: string) => Promise<Response>;

export function makeHandler(settings: Settings, store: Store): Handler {
  return async (request, peer) => {
    const granted = grant(request.headers, settings.corsOrigins);
    const common = { "x-request-id": crypto.randomUUID(), ...(granted ?? { "vary": "Origin" }) };
    const refusal = unclear(request, granted !== null);
    if (refusal === null && request.method === "OPTIONS") {
      const headers = { ...preflight(request.headers), ...common };
      return new Response(null, { status: 204, headers });
    }
    const [status, answer, headers] = refusal ? refuse(refusal) : await reply(request, peer);
    const made = respond(status, answer, { ...headers, ...common });
    return request.method === "HEAD" ? new Response(null, made) : made;
  };

  async function reply(request: Request, peer: string | undefined): Promise<Reply> {
    const path = pathOf(request.url) ?? "";
    const found = find(request.method, path);
    if (Array.isArray(found)) return missing(path, found);
    try {
      const query = new URL(request.url).searchParams;
      const answer = await login(request, peer, settings, store) ??
        await found.route.run({ request, query, id: found.id, settings, store });
      return answer instanceof Refusal ? refuse(answer) : [found.route.status, answer, {}];
    } catch (problem) {
      return refuse(failure(problem));
    }
  }
}

/** The function of an owner whose settings are wrong: no route works until they are right. */
export function makeBroken(problem: string): Handler {
  return () => {
    console.error(`The function cannot work: ${problem}`);
    const headers = { "x-request-id": crypto.randomUUID() };
    return Promise.resolve(respond(500, new Refusal("internal_error"), headers));
  };
}

/** Why a request is not looked at any further. `welcome`: the page that it comes from may call. */
function unclear(request: Request, welcome: boolean): Refusal | null {
  let size = 0;
  for (const [name, value] of request.headers) size += name.length + value.length;
  if (size > MAX_HEADERS) return new Refusal("headers_too_large");
  if (pathOf(request.url) === null) return new Refusal("not_found", "There is no such path.");
  return welcome || request.method === "OPTIONS" ? null : new Refusal("origin_not_allowed");
}

function refuse(refusal: Refusal, headers: Headers = {}): Reply {
  const more: Headers = {};
  if (HOPELESS.has(refusal.status)) more["x-should-retry"] = "false";
  if (refusal.retryAfterMs !== null) {
    more["retry-after"] = String(Math.max(1, refusal.waitSeconds));
  }
  return [refusal.status, refusal, { ...headers, ...more }];
}

function missing(path: string, methods: string[]): Reply {
  if (methods.length === 0) return refuse(new Refusal("not_found", `There is nothing at ${path}.`));
  const allow = methods.join(", ");
  return refuse(new Refusal("method_not_allowed", allow), { allow });
}

function failure(problem: unknown): Refusal {
  if (problem instanceof StoreUnavailable) {
    console.error(problem.message);
    return new Refusal("store_unavailable", "", null, RETRY_AFTER_MS);
  }
  console.error("The request failed inside:", problem);
  return new Refusal("internal_error");
}

function respond(status: number, answer: Answer, headers: Headers): Response {
  const body = answer instanceof Refusal ? answer.body : JSON.stringify(answer);
  return new Response(body, { status, headers: { ...JSON_HEADERS, ...headers } });
}
