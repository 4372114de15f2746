import { strictEqual } from "node:assert";
import { addressOf } from "./address.ts";

Deno.test("on Supabase's platform only what Cloudflare writes names the client", () => {
  const address = (headers: HeadersInit) => addressOf(new Headers(headers), "10.0.0.1", true);
  strictEqual(
    address({ "cf-connecting-ip": "2001:db8::1", "x-forwarded-for": "192.0.2.9" }),
    "2001:db8::1",
  );
  strictEqual(address({ "x-forwarded-for": "192.0.2.9", "x-real-ip": "192.0.2.9" }), "unknown");
  strictEqual(address({ "cf-connecting-ip": "x'; drop table" }), "unknown");
});

Deno.test("elsewhere the proxy's own entry of X-Forwarded-For counts, then the peer", () => {
  const address = (headers: HeadersInit, peer?: string) =>
    addressOf(new Headers(headers), peer, false);
  strictEqual(
    address({ "x-forwarded-for": "192.0.2.9, 198.51.100.7" }, "10.0.0.1"),
    "198.51.100.7",
  );
  strictEqual(address({ "cf-connecting-ip": "192.0.2.9" }, "10.0.0.1"), "10.0.0.1");
  strictEqual(address({ "x-forwarded-for": "192.0.2.9, rubbish" }, "10.0.0.1"), "unknown");
  strictEqual(address({}), "unknown");
});
