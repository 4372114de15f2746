/** One request of a page from its first header to its answer. */

import { addressOf, isHosted } from "../_shared/address.ts";
import { Refusal } from "../_shared/errors.ts";
import { hashKey, makeKey } from "../_shared/keys.ts";
import {
  type Answer,
  failure,
  type Handler,
  hasHugeHeaders,
  type Headers,
  refuse,
  type Reply,
  respond,
  RETRY_AFTER_MS,
} from "../_shared/replies.ts";
import type { Row, Store } from "../_shared/store.ts";
import { readAsked } from "./asked.ts";
import type { Ask } from "./asking.ts";
import type { Settings } from "./settings.ts";
import { checkProof } from "./turnstile.ts";
import { findUser } from "./users.ts";

const PATH = /^\/visitor-token\/?$/;
const METHODS = "OPTIONS, POST";
const DEFAULT_HEADERS = "authorization, x-client-info, apikey, content-type";
const EXPIRES_IN = 600; // seconds
const FOR_PAGES = {
  "vary": "Origin",
  "access-control-expose-headers": "x-request-id, retry-after",
};

export function makeHandler(settings: Settings, store: Store, fetching: Ask = fetch): Handler {
  return async (request, peer) => {
    const common: Headers = { "x-request-id": crypto.randomUUID(), "vary": "Origin" };
    const origin = request.headers.get("origin");
    // Only a website of the key gets to read the answer.
    const welcome = () => Object.assign(common, granted(origin!));
    const [status, answer, headers] = await reply(request, peer, origin, welcome)
      .catch((problem) => refuse(failure(problem)));
    if (status === 204) return new Response(null, { status, headers: { ...headers, ...common } });
    return respond(status, answer, { ...headers, ...common });
  };

  async function reply(
    request: Request,
    peer: string | undefined,
    origin: string | null,
    welcome: () => void,
  ): Promise<Reply> {
    const pathname = URL.parse(request.url)?.pathname ?? ""; // none: the Host header is no name
    if (hasHugeHeaders(request)) return refuse(new Refusal("headers_too_large"));
    if (!PATH.test(pathname)) return refuse(new Refusal("not_found", "There is no such path."));
    if (origin === null) return refuse(new Refusal("origin_not_allowed"));
    if (request.method === "OPTIONS") {
      const refusal = refusalOf(await store("visitor_page", { p_origin: origin }));
      if (refusal) return refuse(refusal);
      welcome();
      return [204, {}, preflight(request)];
    }
    if (request.method !== "POST") {
      return refuse(new Refusal("method_not_allowed", METHODS), { allow: METHODS });
    }
    const made = await mint(request, peer, origin, welcome);
    return made instanceof Refusal ? refuse(made) : [201, made, {}];
  }

  /** Attempts are counted before anybody is asked about a proof. */
  async function mint(
    request: Request,
    peer: string | undefined,
    origin: string,
    welcome: () => void,
  ): Promise<Answer> {
    const asked = await readAsked(request);
    if (asked instanceof Refusal) { // who wrote the page may read it: it tells of nobody
      welcome();
      return asked;
    }
    const address = addressOf(request.headers, peer, isHosted(settings.supabaseUrl));
    const page = { p_site: asked.site, p_origin: origin, p_address: address };
    const refusal = refusalOf(await store("visitor_page", page));
    if (refusal?.reason !== "origin_not_allowed") welcome();
    if (refusal) return refusal;
    const visitor = await proven(request, asked.turnstile, origin, address);
    if (visitor instanceof Refusal) return visitor;
    const token = makeKey(settings.tokenPrefix);
    const row = await store("mint_visitor_token", {
      ...page,
      p_visitor: visitor,
      p_token_hash: hashKey(token),
      p_expires_in: EXPIRES_IN,
    });
    return refusalOf(row) ?? { token, ...row };
  }

  /** The id of the user; null: somebody at this address. */
  async function proven(
    request: Request,
    proof: string | null,
    origin: string,
    address: string,
  ): Promise<string | null | Refusal> {
    const secret = settings.turnstileSecret;
    if (proof !== null && secret !== null) {
      return await checkProof(fetching, secret, proof, origin, address);
    }
    if (proof === null && settings.takesUsers) {
      return await findUser(fetching, settings, request.headers.get("authorization"));
    }
    const problem = proof === null
      ? "turnstile is needed: what the widget gave the page."
      : "turnstile proves nothing here: log the visitor in.";
    return new Refusal("invalid_request", problem, "turnstile");
  }
}

function granted(origin: string): Headers {
  return { ...FOR_PAGES, "access-control-allow-origin": origin };
}

function preflight(request: Request): Headers {
  return {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": request.headers.get("access-control-request-headers") ??
      DEFAULT_HEADERS,
    "access-control-max-age": "7200",
  };
}

/** What the database refuses, if anything. */
function refusalOf(row: Row): Refusal | null {
  switch (row.refusal) {
    case undefined:
      return null;
    case "origin_not_allowed":
    case "key_revoked":
    case "key_expired":
    case "visitor_unknown":
    case "visitors_by_token_off":
      return new Refusal(row.refusal);
    case "visitor_rate_limit_exceeded":
      return new Refusal(row.refusal, "", null, Number(row.retry_after_ms));
    default: // of a later schema
      console.error(`The database refuses with '${row.refusal}', which is not known here.`);
      return new Refusal("store_unavailable", "", null, RETRY_AFTER_MS);
  }
}
