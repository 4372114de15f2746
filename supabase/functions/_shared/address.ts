/** Where a request comes from, as far as somebody who is believed says so. */

import { isIP } from "node:net";

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

export function isHosted(supabaseUrl: string): boolean {
  return /\.supabase\.(co|in|red)$/.test(new URL(supabaseUrl).hostname);
}
