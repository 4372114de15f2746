/** Every refusal there is here, in one table: a part of gateway/core/error_kinds.py. */

import { wellFormed } from "./text.ts";

interface Kind {
  status: number;
  type: string;
  code: string;
  text: string;
}

const INVALID = "invalid_request_error";
const BUSY = "service_unavailable_error";
const LIMIT = "rate_limit_error";

function kind(status: number, type: string, code: string, text = "{detail}"): Kind {
  return { status, type, code, text };
}

export const CATALOGUE = {
  invalid_request: kind(400, INVALID, "invalid_request"),
  admin_denied: kind(
    401,
    INVALID,
    "invalid_admin_secret",
    "The header X-Admin-Secret is missing or wrong.",
  ),
  origin_not_allowed: kind(
    403,
    INVALID,
    "permission_denied",
    "Pages of this website may not call this server. Its owner can allow them: with " +
      "CORS_ORIGINS, and in the key if that has origins of its own.",
  ),
  key_revoked: kind(401, INVALID, "invalid_api_key", "This website's key has been revoked."),
  key_expired: kind(401, INVALID, "invalid_api_key", "This website's key has expired."),
  invalid_visitor_token: kind(401, INVALID, "invalid_visitor_token"),
  visitor_unknown: kind(
    403,
    INVALID,
    "permission_denied",
    "Your address is not known here, so no token can be made for you.",
  ),
  visitor_anonymous: kind(
    403,
    INVALID,
    "permission_denied",
    "This website lets only visitors in who have logged in with an account.",
  ),
  visitors_by_token_off: kind(
    403,
    INVALID,
    "permission_denied",
    "This key makes no tokens for visitors. The owner of this server can allow it with " +
      "`localllm keys update ID --visitors token`.",
  ),
  not_found: kind(404, INVALID, "not_found"),
  needs_the_machine: kind(
    404,
    INVALID,
    "needs_the_machine",
    "This is about a running gateway and its machine: ask the gateway itself, at its own " +
      "address. Here is what stands in the database.",
  ),
  method_not_allowed: kind(405, INVALID, "method_not_allowed", "Use {detail} here."),
  request_too_large: kind(
    413,
    INVALID,
    "request_too_large",
    "The request body is larger than {detail} bytes.",
  ),
  too_many_failures: kind(
    429,
    LIMIT,
    "rate_limit_exceeded",
    "Too many failed log-ins. Try again in {wait} s.",
  ),
  visitor_rate_limit_exceeded: kind(
    429,
    LIMIT,
    "visitor_rate_limit_exceeded",
    "Too many tokens were asked for from your address. Try again in {wait} s.",
  ),
  headers_too_large: kind(
    431,
    INVALID,
    "headers_too_large",
    "The request headers are too large.",
  ),
  internal_error: kind(
    500,
    "api_error",
    "internal_error",
    "Something went wrong in the gateway.",
  ),
  issuer_unavailable: kind(
    503,
    BUSY,
    "server_is_overloaded",
    "Visitors cannot be checked at the moment: {detail}.",
  ),
  store_unavailable: kind(
    503,
    BUSY,
    "server_is_overloaded",
    "The key database does not answer at the moment.",
  ),
};

export type Reason = keyof typeof CATALOGUE;

/** One refusal, a value: what fills its text, and which field it is about. */
export class Refusal {
  constructor(
    readonly reason: Reason,
    readonly detail = "",
    readonly param: string | null = null,
    readonly retryAfterMs: number | null = null,
  ) {}

  get status(): number {
    return CATALOGUE[this.reason].status;
  }

  /** For Retry-After and the text: whole seconds, never less than the wait. */
  get waitSeconds(): number {
    return Math.ceil((this.retryAfterMs ?? 0) / 1000);
  }

  /** As OpenAI words an error. */
  get body(): string {
    const { type, code, text } = CATALOGUE[this.reason];
    const message = text.replace(
      /\{(detail|wait)\}/,
      (_, name) => name === "wait" ? String(this.waitSeconds) : this.detail,
    );
    const param = this.param === null ? null : wellFormed(this.param);
    return JSON.stringify({ error: { message: wellFormed(message), type, param, code } });
  }
}
