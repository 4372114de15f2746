import { deepStrictEqual, strictEqual } from "node:assert";
import { isSecret, login } from "./login.ts";
import type { Arguments, Row } from "../_shared/store.ts";

const SETTINGS = { adminSecret: "right", supabaseUrl: "https://ref.supabase.co" };

async function attempt(secret: string | null, verdict: Row, settings = SETTINGS) {
  const asked: [string, Arguments][] = [];
  const headers: Record<string, string> = { "cf-connecting-ip": "192.0.2.1" };
  if (secret !== null) headers["x-admin-secret"] = secret;
  const refusal = await login(
    new Request("http://x", { headers }),
    "127.0.0.1",
    settings,
    (name, values) => {
      asked.push([name, values]);
      return Promise.resolve(verdict);
    },
  );
  return { refusal, asked };
}

Deno.test("the right secret passes when the database lets it", async () => {
  const { refusal, asked } = await attempt("right", { allowed: true, retry_after_ms: null });
  strictEqual(refusal, null);
  deepStrictEqual(asked, [["admin_login", { p_address: "192.0.2.1", p_matched: true }]]);
});

Deno.test("a wrong secret is told to the database and refused", async () => {
  for (const secret of ["wrong", "righ", "right1", "RIGHT", "right right"]) {
    const { refusal, asked } = await attempt(secret, { allowed: false, retry_after_ms: null });
    strictEqual(refusal?.reason, "admin_denied");
    strictEqual(asked[0][1].p_matched, false);
  }
});

Deno.test("no secret is refused and not counted: nobody has guessed", async () => {
  for (const secret of ["", null]) {
    const { refusal, asked } = await attempt(secret, { allowed: true });
    strictEqual(refusal?.reason, "admin_denied");
    deepStrictEqual(asked, []);
  }
});

Deno.test("no answer of the database lets a wrong secret in", async () => {
  const { refusal } = await attempt("wrong", { allowed: true, retry_after_ms: null });
  strictEqual(refusal?.reason, "admin_denied");
});

Deno.test("during a lock-out the right secret is refused too, with the time to wait", async () => {
  const { refusal } = await attempt("right", { allowed: false, retry_after_ms: 61_001 });
  strictEqual(refusal?.reason, "too_many_failures");
  strictEqual(
    JSON.parse(refusal.body).error.message,
    "Too many failed log-ins. Try again in 62 s.",
  );
});

Deno.test("a secret that is not set matches nothing, least of all nothing", async () => {
  const { refusal } = await attempt("x", { allowed: true }, { ...SETTINGS, adminSecret: "" });
  strictEqual(refusal?.reason, "admin_denied");
  strictEqual(isSecret("", ""), false);
});

Deno.test("a secret beyond ASCII is compared as the UTF-8 bytes that a client sends", () => {
  const sent = Array.from(new TextEncoder().encode("größe"), (byte) => String.fromCharCode(byte));
  strictEqual(isSecret(sent.join(""), "größe"), true);
  strictEqual(isSecret("größe", "größe"), false);
});
