/**
 * Who may use the function: those who show ADMIN_SECRET, and do not guess at it. Isolates share no
 * memory, so Postgres counts the failures of each address.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { addressOf, isHosted } from "../_shared/address.ts";
import { Refusal } from "../_shared/errors.ts";
import type { Store } from "../_shared/store.ts";

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

function digest(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
