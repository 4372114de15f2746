/**
 * JSON read so that what was checked is what is kept: `JSON.parse` hides a key that stands twice and
 * cannot tell 1.0 from 1. Rules and words are those of gateway/dialects/shared/strict_json.py, which stands on
 * Python's reader; objects become maps, which keep the order and know no `__proto__`.
 */

import { Refusal } from "./errors.ts";
import { cut, lengthOf } from "./text.ts";

/** A number with a fraction or an exponent. */
export class Float {
  constructor(readonly value: number) {}
}

export type Json = null | boolean | number | string | Float | Json[] | Members;
export type Members = Map<string, Json>;

const DEEPEST = 900; // about where Python's reader gives up
const LONGEST_INTEGER = 4300;
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /(-?(?:0|[1-9][0-9]*))((?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)/y;
// deno-lint-ignore no-control-regex -- control characters are what a string may not hold
const PLAIN = /[^"\\\x00-\x1f]*/y;
const HEX = /[0-9a-fA-F]{4}/y;
const ESCAPES = new Map(Object.entries({
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
}));
const LITERALS: [string, Json][] = [["null", null], ["true", true], ["false", false]];
const NOT_JSON = ["NaN", "Infinity", "-Infinity"];

/** The object that the text is, or a refusal that says where it is wrong. */
export function parseObject(text: string): Members | Refusal {
  try {
    const tree = new Reader(text).document();
    return tree instanceof Map ? tree : invalid("The body should be a JSON object.");
  } catch (problem) {
    if (problem instanceof Refused) return problem.refusal;
    throw problem;
  }
}

class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.detail);
  }
}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): Json {
    if (this.text.startsWith("\ufeff")) {
      throw this.wrong("Unexpected UTF-8 BOM (decode using utf-8-sig)");
    }
    this.skip();
    const value = this.value(0);
    this.skip();
    if (this.at < this.text.length) throw this.wrong("Extra data");
    return value;
  }

  private value(depth: number): Json {
    if (depth > DEEPEST) throw refused("The JSON is nested too deeply.");
    switch (this.text[this.at]) {
      case '"':
        return this.string();
      case "{":
        return this.object(depth);
      case "[":
        return this.array(depth);
    }
    for (const [word, value] of LITERALS) if (this.take(word)) return value;
    for (const word of NOT_JSON) if (this.take(word)) throw refused(`${word} is not JSON.`);
    return this.number();
  }

  private object(depth: number): Members {
    const pairs: [string, Json][] = [];
    this.at++;
    this.skip();
    if (this.take("}")) return new Map();
    do {
      this.skip();
      if (this.text[this.at] !== '"') {
        throw this.wrong("Expecting property name enclosed in double quotes");
      }
      const key = this.string();
      this.skip();
      if (!this.take(":")) throw this.wrong("Expecting ':' delimiter");
      this.skip();
      pairs.push([key, this.value(depth + 1)]);
      this.skip();
    } while (this.take(","));
    if (!this.take("}")) throw this.wrong("Expecting ',' delimiter");
    return members(pairs);
  }

  private array(depth: number): Json[] {
    const items: Json[] = [];
    this.at++;
    this.skip();
    if (this.take("]")) return items;
    do {
      this.skip();
      items.push(this.value(depth + 1));
      this.skip();
    } while (this.take(","));
    if (!this.take("]")) throw this.wrong("Expecting ',' delimiter");
    return items;
  }

  private string(): string {
    const start = this.at++;
    let value = "";
    while (true) {
      value += this.match(PLAIN)![0];
      if (this.take('"')) return value;
      if (this.at >= this.text.length) throw this.wrong("Unterminated string starting at", start);
      if (this.text[this.at] !== "\\") throw this.wrong("Invalid control character at");
      value += this.escape(start);
    }
  }

  private escape(start: number): string {
    const letter = this.text[++this.at];
    if (letter === undefined) throw this.wrong("Unterminated string starting at", start);
    if (letter !== "u") {
      const value = ESCAPES.get(letter);
      if (value === undefined) throw this.wrong("Invalid \\escape", this.at - 1);
      this.at++;
      return value;
    }
    const place = this.at++;
    const digits = this.match(HEX);
    if (!digits || this.at >= this.text.length) throw this.wrong("Invalid \\uXXXX escape", place);
    return String.fromCharCode(parseInt(digits[0], 16)); // pairs of surrogates join by themselves
  }

  private number(): number | Float {
    const found = this.match(NUMBER);
    if (!found) throw this.wrong("Expecting value");
    const [all, whole, rest] = found;
    if (!rest) {
      if (whole.replace("-", "").length <= LONGEST_INTEGER) return Number(whole) + 0; // -0 is 0
      throw refused("The body holds a number that is too long.");
    }
    if (Number.isFinite(Number(all))) return new Float(Number(all));
    throw refused(`The number ${cut(all, 40)} is too large.`);
  }

  private skip(): void {
    this.match(SPACE);
  }

  private take(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at += found[0].length;
    return found;
  }

  private wrong(text: string, at = this.at): Refused {
    const place = lengthOf(this.text.slice(0, at));
    return refused(`The body is not valid JSON: ${text} at byte ${place}.`);
  }
}

function members(pairs: [string, Json][]): Members {
  const result: Members = new Map();
  for (const [key, value] of pairs) {
    if (result.has(key)) {
      const shown = cut(key);
      throw refused(`The key '${shown}' stands twice in one object.`, shown);
    }
    result.set(key, value);
  }
  return result;
}

function refused(detail: string, param: string | null = null): Refused {
  return new Refused(invalid(detail, param));
}

function invalid(detail: string, param: string | null = null): Refusal {
  return new Refusal("invalid_request", detail, param);
}
