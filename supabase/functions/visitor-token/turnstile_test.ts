import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert";
import { checkProof, SITEVERIFY } from "./turnstile.ts";

const PAGE = "https://shop.example:8443";
const GOOD = { success: true, hostname: "shop.example" };

/** Cloudflare, which answers so, one after the other; null: not at all. */
function cloudflare(...answers: (Response | null)[]) {
  const asked: [string, RequestInit, Record<string, string>][] = [];
  const fetching: typeof fetch = (input, init) => {
    asked.push([String(input), init!, JSON.parse(init!.body as string)]);
    const answer = answers.shift();
    return answer ? Promise.resolve(answer) : Promise.reject(new TypeError("no connection"));
  };
  const check = async () => {
    const { error } = console;
    const lines: string[] = [];
    console.error = (line: string) => lines.push(line);
    try {
      return [
        await checkProof(fetching, "secret", "proof", PAGE, "192.0.2.1"),
        lines.join(),
      ] as const;
    } finally {
      console.error = error;
    }
  };
  return { check, asked };
}

Deno.test("Cloudflare is told the proof, the secret and the address, and follows no redirect", async () => {
  const { check, asked } = cloudflare(Response.json(GOOD));
  deepStrictEqual(await check(), [null, ""]);
  const [[address, { method, redirect }, { idempotency_key, ...told }]] = asked;
  strictEqual(address, SITEVERIFY);
  deepStrictEqual([method, redirect], ["POST", "error"]);
  deepStrictEqual(told, { secret: "secret", response: "proof", remoteip: "192.0.2.1" });
  match(idempotency_key, /^[0-9a-f]{8}-/);
});

Deno.test("a proof that is wrong, used up or of another website is refused, and asked about once", async () => {
  for (
    const answer of [
      { success: false, "error-codes": ["timeout-or-duplicate"] },
      { success: false, "error-codes": ["invalid-input-response"] },
      { ...GOOD, hostname: "shop.example.evil.example" },
      { ...GOOD, hostname: "SHOP" },
      { ...GOOD, hostname: "" },
      { success: true },
    ]
  ) {
    const { check, asked } = cloudflare(Response.json(answer));
    const [refusal] = await check();
    deepStrictEqual([refusal?.reason, refusal?.param], ["invalid_request", "turnstile"]);
    strictEqual(asked.length, 1);
  }
});

Deno.test("a lost answer is asked for again under one key, so the proof still counts", async () => {
  const { check, asked } = cloudflare(null, Response.json(GOOD));
  deepStrictEqual(await check(), [null, ""]);
  strictEqual(asked[0][2].idempotency_key, asked[1][2].idempotency_key);
  const other = cloudflare(Response.json(GOOD));
  await other.check();
  notStrictEqual(asked[0][2].idempotency_key, other.asked[0][2].idempotency_key);
});

Deno.test("whatever else is answered lets nobody in, and is no fault of the visitor", async () => {
  const strange = [
    ...["", "<html>", "null", "true", "[]", "{}", '{"success":"true","hostname":"shop.example"}'],
    ...['{"success":1,"hostname":"shop.example"}', '{"success":false}'],
    '{"success":false,"error-codes":["internal-error"]}',
  ];
  for (const body of strange) {
    for (const status of [200, 500]) {
      const { check, asked } = cloudflare(
        new Response(body, { status }),
        new Response(body, { status }),
      );
      const [refusal, log] = await check();
      strictEqual(refusal?.reason, "issuer_unavailable", body);
      strictEqual(asked.length, 2);
      strictEqual(log, `Turnstile answered with status ${status}.`);
    }
  }
  strictEqual((await cloudflare().check())[1], "Turnstile could not be reached.");
});

Deno.test("a wrong secret is named in the owner's log, and not shown", async () => {
  const answer = { success: false, "error-codes": ["invalid-input-secret"] };
  const [refusal, log] = await cloudflare(Response.json(answer)).check();
  strictEqual(refusal?.reason, "issuer_unavailable");
  strictEqual(log, "Turnstile refuses TURNSTILE_SECRET (invalid-input-secret).");
});
