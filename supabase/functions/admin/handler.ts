/** One request from its first header to its answer: what holds for all routes, in order. */

import { Refusal } from "../_shared/errors.ts";
import {
  failure,
  type Handler,
  hasHugeHeaders,
  refuse,
  type Reply,
  respond,
} from "../_shared/replies.ts";
import type { Store } from "../_shared/store.ts";
import { grant, preflight } from "./cors.ts";
import { login } from "./login.ts";
import { pathOf } from "./paths.ts";
import { find } from "./routes.ts";
import type { Settings } from "./settings.ts";

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

/** Why a request is not looked at any further. `welcome`: the page that it comes from may call. */
function unclear(request: Request, welcome: boolean): Refusal | null {
  if (hasHugeHeaders(request)) return new Refusal("headers_too_large");
  // A Host header that is no name gives an address that is none.
  if (pathOf(request.url) === null || !URL.canParse(request.url)) {
    return new Refusal("not_found", "There is no such path.");
  }
  return welcome || request.method === "OPTIONS" ? null : new Refusal("origin_not_allowed");
}

function missing(path: string, methods: string[]): Reply {
  if (methods.length === 0) return refuse(new Refusal("not_found", `There is nothing at ${path}.`));
  const allow = methods.join(", ");
  return refuse(new Refusal("method_not_allowed", allow), { allow });
}
