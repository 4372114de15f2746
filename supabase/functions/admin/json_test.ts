import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { Refusal } from "./errors.ts";
import { type Members, parseObject } from "./json.ts";

/** Maps as objects without a prototype, so that any key can stand in them. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  return Object.setPrototypeOf(
    Object.fromEntries([...value].map(([key, item]) => [key, plain(item)])),
    null,
  );
}

Deno.test("what JSON.parse reads is read alike", () => {
  const texts = [
    '{"a":[1,-2,0,true,false,null,"x",[],{},[[{"b":[]}]]],"":{" ":"\\u00e9\\n\\"\\\\\\/"}}',
    ' {\n"a" :\t1 , "b":[ ] }\r ',
    '{"__proto__":{"constructor":1},"2":1,"1":2}',
    `{"long":"${"x😀".repeat(1000)}"}`,
  ];
  for (const text of texts) {
    const expected = JSON.parse(
      text,
      (_, value) =>
        typeof value === "object" && value && !Array.isArray(value)
          ? Object.setPrototypeOf({ ...value }, null)
          : value,
    );
    deepStrictEqual(plain(parseObject(text)), expected);
  }
});

Deno.test("keys keep the order in which they were written, numbers too", () => {
  deepStrictEqual([...(parseObject('{"b":1,"2":1,"a":1,"1":1}') as Members).keys()], [
    "b",
    "2",
    "a",
    "1",
  ]);
});

Deno.test("what is nested 100 deep is read, 100,000 deep is refused without a crash", () => {
  const nested = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  ok(parseObject(nested(100)) instanceof Map);
  for (const text of [nested(100_000), '{"a":'.repeat(100_000), `[${"[".repeat(100_000)}`]) {
    const refusal = parseObject(text) as Refusal;
    strictEqual(refusal.detail, "The JSON is nested too deeply.");
  }
});

Deno.test("every text that is cut off or has one wrong character gets an answer", () => {
  const text = '{"a":[1.5e3,"\\u00e9\\n",null],"b":{"c":-0}}';
  for (let place = 0; place < text.length; place++) {
    ok(parseObject(text.slice(0, place)) instanceof Refusal, text.slice(0, place));
    for (const wrong of ["\x00", '"', "{", "]", "\\", ",", "x", "\ud800"]) {
      const changed = text.slice(0, place) + wrong + text.slice(place + 1);
      const found = parseObject(changed);
      let valid = true;
      try {
        JSON.parse(changed);
      } catch {
        valid = false;
      }
      strictEqual(found instanceof Map, valid, changed);
    }
  }
});
