/**
 * JSON read so that what was checked is what is kept: nothing in it can be read in two ways. The
 * rules are those of gateway/dialects/shared/strict_json.py.
 */

import { iterator, type ObjectNode, parse, type StringNode } from "@humanwhocodes/momoa";
import { Refusal } from "./errors.ts";
import { cut } from "./text.ts";

/** The members of an object, in the order in which they stand in the text. */
export type Members = Map<string, unknown>;

const DEEPEST = 500; // lists and objects in one another

/** The object that the text is, or why it cannot be used. */
export function parseObject(text: string): Members | Refusal {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return invalid('The body is not valid JSON: send one object, such as {"label": "my website"}.');
  }
  const problem = tooMuch(value);
  if (problem) return invalid(problem);
  // JSON.parse keeps the last of two members with one key and says nothing. The syntax tree has both:
  // momoa's, with which ESLint reads JSON.
  const tree = parse(text);
  for (const { node, phase } of iterator(tree)) {
    const key = node.type === "Object" && phase === "exit" && firstTwice(keys(node as ObjectNode));
    if (typeof key === "string") {
      return invalid(`The key '${cut(key)}' stands twice in one object.`, cut(key));
    }
  }
  if (tree.body.type !== "Object") return invalid("The body should be a JSON object.");
  return new Map(keys(tree.body).map((key) => [key, value[key]]));
}

/** What no reader is asked to hold, if any: level by level, since the stack has an end. */
function tooMuch(value: unknown): string | null {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (level.includes(Infinity) || level.includes(-Infinity)) {
      return "The body holds a number that is too large.";
    }
    const nested = level.filter((one) => typeof one === "object" && one !== null);
    if (depth === DEEPEST && nested.length > 0) return "The JSON is nested too deeply.";
    level = nested.flatMap((one) => Object.values(one as object));
  }
  return null;
}

function keys(object: ObjectNode): string[] {
  return object.members.map(({ name }) => (name as StringNode).value); // JSON has no other names
}

function firstTwice(keys: string[]): string | undefined {
  const seen = new Set<string>();
  return keys.find((key) => seen.has(key) || !seen.add(key));
}

function invalid(detail: string, param: string | null = null): Refusal {
  return new Refusal("invalid_request", detail, param);
}
