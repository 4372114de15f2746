import { ok, strictEqual } from "node:assert";
import { displayPrefix, isWellFormed, makeKey } from "./keys.ts";

Deno.test("every made key is well formed, and shows four characters of its secret", () => {
  for (const prefix of ["llm", "a", "My-App-9", "x1234567890abcde"]) {
    const key = makeKey(prefix);
    ok(isWellFormed(key), key);
    strictEqual(key.length, prefix.length + 1 + 32);
    strictEqual(displayPrefix(key), key.slice(0, prefix.length + 5));
  }
});

Deno.test("keys do not repeat, and each character is as likely as the others", () => {
  const keys = new Set<string>();
  const counts = new Map<string, number>();
  while (keys.size < 4000) {
    const key = makeKey("llm");
    ok(!keys.has(key));
    keys.add(key);
    for (const one of key.slice(4, -6)) counts.set(one, (counts.get(one) ?? 0) + 1);
  }
  // 104,000 draws of 62: the mean is 1677, its deviation 41. `byte % 62` alone would give the first
  // eight characters 2031. Seven deviations: wrong once in 10 billion runs.
  strictEqual(counts.size, 62);
  for (const [one, count] of counts) ok(Math.abs(count - 1677) < 290, `${one}: ${count}`);
});
