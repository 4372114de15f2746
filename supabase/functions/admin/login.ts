/**
 * Who may use the function: those who show ADMIN_SECRET, and do not guess at it. Isolates share no
 * memory, so Postgres counts the failures of each address.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { Refusal } from "./errors.ts";
import type { Store } from "./store.ts";

/** Why the request may not go on, if so. `peer`: the address that the connection came from. */
export async function login(
  request: Request,
  peer: string | undefined,
  settings: { adminSecret: string; supabaseUrl: string },
  store: Store,
): Promise<Refusal | null> {
  const secret = request.headers.get("x-admin-secret");
  if (!secret) return new Refusal("admin_denied"); // nobody has guessed: there is nothing to count
  const matched = isSecret(secret, settings.adminSecret);
  const verdict = await store("admin_login", {
    p_address: addressOf(request.headers, peer, isHosted(settings.supabaseUrl)),
    p_matched: matched,
  });
  if (matched && verdict.allowed === true) return null;
  const wait = verdict.retry_after_ms;
  return typeof wait === "number"
    ? new Refusal("too_many_failures", "", null, wait)
    : new Refusal("admin_denied");
}

/** Hashed, both are equally long, and comparing them takes equally long. No secret: no match. */
export function isSecret(shown: string, secret: string): boolean {
  const bytes = Uint8Array.from(shown, (one) => one.charCodeAt(0)); // headers are bytes
  const equal = timingSafeEqual(digest(bytes), digest(new TextEncoder().encode(secret)));
  return equal && secret !== "";
}

/**
 * Whom an attempt is put down to; `unknown` is one for all who have no address.
 *
 * Every request to *.supabase.co passes Cloudflare, which writes CF-Connecting-IP anew, so no
 * client can forge it. Whatever a client sends as X-Forwarded-For stays at that header's beginning,
 * and how many proxies write behind it is not documented: it counts for nothing there.
 * On a Supabase of one's own there is no Cloudflare to rely on: the last address of X-Forwarded-For
 * is the one that the proxy before the functions has seen itself.
 */
export function addressOf(headers: Headers, peer: string | undefined, hosted: boolean): string {
  const named = hosted
    ? headers.get("cf-connecting-ip")
    : headers.get("x-forwarded-for")?.split(",").at(-1) ?? peer;
  const address = named?.trim() ?? "";
  return isIP(address) ? address : "unknown";
}

function isHosted(supabaseUrl: string): boolean {
  return /\.supabase\.(co|in|red)$/.test(new URL(supabaseUrl).hostname);
}

function digest(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
