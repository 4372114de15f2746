import { deepStrictEqual, strictEqual } from "node:assert";
import { MAX_BODY, readBody } from "./body.ts";
import type { Refusal } from "../_shared/errors.ts";
import { folded, UPDATE } from "./shapes.ts";
import { isAscii } from "../_shared/text.ts";

function post(body: BodyInit): Request {
  return new Request("http://x", { method: "POST", body });
}

Deno.test("64 KiB are read, one byte more is refused", async () => {
  const start = '{"label":"x"';
  const full = (length: number) => start + " ".repeat(length - start.length - 1) + "}";
  deepStrictEqual(await readBody(post(full(MAX_BODY)), UPDATE), { label: "x" });
  const refusal = await readBody(post(full(MAX_BODY + 1)), UPDATE) as Refusal;
  deepStrictEqual([refusal.reason, refusal.detail], ["request_too_large", "65536"]);
});

Deno.test("a body without end is given up as soon as it is too large", async () => {
  let taken = 0;
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (stream) => {
      taken += 1024;
      if (taken > 10 * MAX_BODY) stream.error(new Error("nobody gave it up"));
      stream.enqueue(new Uint8Array(1024));
    },
    cancel: () => {
      cancelled = true;
    },
  });
  const refusal = await readBody(post(endless), UPDATE) as Refusal;
  strictEqual(refusal.reason, "request_too_large");
  strictEqual(cancelled, true);
  strictEqual(taken < 2 * MAX_BODY, true);
});

Deno.test("a body that breaks off is refused, and no failure of ours", async () => {
  const broken = new ReadableStream<Uint8Array>({
    pull: (stream) => stream.error(new Error("the connection is gone")),
  });
  const refusal = await readBody(post(broken), UPDATE) as Refusal;
  deepStrictEqual([refusal.reason, refusal.detail], ["invalid_request", "The body broke off."]);
});

Deno.test("bytes that are no UTF-8 are refused", async () => {
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x7b, 0xe2, 0x82]]) {
    const refusal = await readBody(post(Uint8Array.from(bytes)), UPDATE) as Refusal;
    strictEqual(refusal.detail, "The body is not valid UTF-8.");
  }
});

Deno.test("a character folds to ASCII exactly where Python's casefold does so", () => {
  const others = new Map([[0xdf, "ss"], [0x17f, "s"], [0x1e9e, "ss"], [0x212a, "k"]]);
  ["ff", "fi", "fl", "ffi", "ffl", "st", "st"].forEach((text, index) => {
    others.set(0xfb00 + index, text);
  });
  for (let code = 128; code < 0x110000; code++) {
    const text = folded(String.fromCodePoint(code));
    strictEqual(
      isAscii(text) ? text : undefined,
      others.get(code),
      code.toString(16),
    );
  }
});
