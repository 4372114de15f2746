import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { Refusal } from "./errors.ts";
import { type Members, parseObject } from "./json.ts";

Deno.test("what JSON.parse reads is kept as it reads it, in the order of the text", () => {
  const texts = [
    '{"a":[1,-2,0.5,true,false,null,"x",[],{},[[{"b":[]}]]],"":{" ":"\\u00e9\\n\\"\\\\\\/"}}',
    ' {\n"a" :\t1 , "b":[ ] }\r ',
    `{"long":"${"x😀".repeat(1000)}","\\ud800":"\\udfff"}`,
  ];
  for (const text of texts) {
    deepStrictEqual(parseObject(text), new Map(Object.entries(JSON.parse(text))));
  }
  const strange = parseObject('{"b":1,"2":1,"__proto__":{"x":1},"1":1}') as Members;
  deepStrictEqual([...strange.keys()], ["b", "2", "__proto__", "1"]);
  deepStrictEqual(strange.get("__proto__"), { x: 1 });
});

Deno.test("500 in one another are read, more are refused without a crash", () => {
  const lists = (depth: number) => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
  const objects = (depth: number) => '{"a":'.repeat(depth) + "0" + "}".repeat(depth);
  for (const nested of [lists, objects]) {
    ok(parseObject(nested(500)) instanceof Map);
    for (const depth of [501, 10_000, 100_000]) {
      strictEqual((parseObject(nested(depth)) as Refusal).detail, "The JSON is nested too deeply.");
    }
  }
});

Deno.test("what is too deep is refused as that where JSON.parse leaves it out", () => {
  for (const depth of [1500, 3000, 30_000]) {
    const refusal = parseObject(`{"a":${"[".repeat(depth)}${"]".repeat(depth)},"a":1}`) as Refusal;
    const known = ["The JSON is nested too deeply.", "The key 'a' stands twice in one object."];
    ok(known.includes(refusal.detail), refusal.detail); // as deep as the stack of the machine
  }
});

Deno.test("a number is a field as the gateway reads it, and never another than was written", () => {
  const read = (text: string) => (parseObject(`{"a":${text}}`) as Members).get("a");
  deepStrictEqual(["1.0", "1e2", "-0", "9007199254740992.0"].map(read), [1, 100, -0, 2 ** 53]);
  deepStrictEqual(["9007199254740994.0", "-1e300"].map(read), [NaN, NaN]);
  deepStrictEqual([read("9007199254740993"), read("9".repeat(400))], [2 ** 53, Number.MAX_VALUE]);
  const refused = (text: string) => parseObject(`{"a":${text}}`) as Refusal;
  for (const text of ["1e309", "[-1e400]", "9".repeat(401), '{"b":1e999,"b":1}']) {
    deepStrictEqual(
      [refused(text).detail, refused(text).param],
      ["The body holds a number that is too large.", null],
    );
  }
  for (
    const text of [
      "[9007199254740993]",
      "[4611686018427387904]",
      '{"b":9223372036854775807}',
      `[${"9".repeat(350)}, 2]`,
    ]
  ) {
    strictEqual(refused(text).param, "a");
  }
  for (const text of ["[9007199254740992]", '{"b":1e300}', "[0.1234567890123456789,-1]"]) {
    deepStrictEqual(read(text), JSON.parse(text));
  }
});

Deno.test("every text that is cut off or has one wrong character gets an answer", () => {
  const text = '{"a":[1.5e3,"\\u00e9\\n",null],"b":{"c":-0}}';
  for (let place = 0; place < text.length; place++) {
    ok(parseObject(text.slice(0, place)) instanceof Refusal, text.slice(0, place));
    for (const wrong of ["\x00", '"', "{", "]", "\\", ",", "x", "\ud800"]) {
      const changed = text.slice(0, place) + wrong + text.slice(place + 1);
      strictEqual(parseObject(changed) instanceof Map, isJson(changed), changed);
    }
  }
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
