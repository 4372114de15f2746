/**
 * JSON read so that what was checked is what is kept: nothing in it can be read in two ways. The
 * rules are those of gateway/dialects/shared/strict_json.py.
 */

import {
  iterator,
  type NumberNode,
  type ObjectNode,
  parse,
  type StringNode,
  type ValueNode,
} from "@humanwhocodes/momoa";
import { Refusal } from "./errors.ts";
import { cut } from "./text.ts";

/** The members of an object, in the order in which they stand in the text. */
export type Members = Map<string, unknown>;

const DEEPEST = 500; // lists and objects in one another
const LONGEST_NUMBER = 400; // digits; the largest float has 309
const EXACT = 2 ** 53; // up to here every whole number is one of JavaScript's

/** The object that the text is, or why it cannot be used. */
export function parseObject(text: string): Members | Refusal {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return invalid('The body is not valid JSON: send one object, such as {"label": "my website"}.');
  }
  if (isDeep(value)) return invalid("The JSON is nested too deeply.");
  // JSON.parse keeps the last of two members with one key and says nothing, and rounds long numbers.
  // The syntax tree has what was written: momoa's, with which ESLint reads JSON.
  const read = treeOf(text);
  if (!read) return invalid("The JSON is nested too deeply.");
  const { tree, nodes } = read;
  let twice: string | undefined;
  for (const { node, phase } of nodes) {
    if (node.type === "Number" && isTooLarge(written(node as NumberNode, text))) {
      return invalid("The body holds a number that is too large.");
    }
    if (node.type === "Object" && phase === "exit") twice ??= firstTwice(keys(node as ObjectNode));
  }
  if (twice !== undefined) {
    return invalid(`The key '${cut(twice)}' stands twice in one object.`, cut(twice));
  }
  if (tree.body.type !== "Object") return invalid("The body should be a JSON object.");
  const members: Members = new Map();
  for (const member of tree.body.members) {
    const key = (member.name as StringNode).value;
    const lost = inexact(member.value, text);
    if (lost) {
      const words = `${cut(key)} holds the number ${cut(lost)}, which cannot be kept exactly here`;
      return invalid(`${words}: ask a gateway.`, cut(key));
    }
    const isNumber = member.value.type === "Number";
    members.set(key, isNumber ? field(written(member.value as NumberNode, text)) : value[key]);
  }
  return members;
}

/** Whether too much stands in one another: level by level, since the stack has an end. */
function isDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const nested = level.filter((one) => typeof one === "object" && one !== null);
    if (depth === DEEPEST && nested.length > 0) return true;
    level = nested.flatMap((one) => Object.values(one as object));
  }
  return false;
}

/** Null: it is too deep. Of two members with one key, JSON.parse had left out the deep one. */
function treeOf(text: string) {
  try {
    const tree = parse(text);
    return { tree, nodes: iterator(tree) };
  } catch {
    return null;
  }
}

function written(node: NumberNode, text: string): string {
  return text.slice(node.loc.start.offset, node.loc.end.offset);
}

function isWhole(number: string): boolean {
  return !/[.e]/i.test(number);
}

/** Whole numbers have no end in Python; floats have. */
function isTooLarge(number: string): boolean {
  return isWhole(number) ? number.length > LONGEST_NUMBER : !Number.isFinite(Number(number));
}

/** The first whole number within this list or object that JavaScript would write in another way. */
function inexact(node: ValueNode, text: string): string | undefined {
  if (node.type !== "Object" && node.type !== "Array") return undefined;
  for (const { node: one } of iterator(node)) {
    if (one.type !== "Number") continue;
    const number = written(one as NumberNode, text);
    if (isWhole(number) && !isExact(number)) return number;
  }
}

/** 2^62 is a number of JavaScript's, but its last digits would be written as zeros. */
function isExact(number: string): boolean {
  const value = Number(number);
  return Number.isSafeInteger(value) || String(value) === number;
}

/**
 * A number that is a field by itself, so that it is refused as the gateway refuses it: beyond EXACT
 * a float is no whole number, and a whole number is out of every range.
 */
function field(number: string): number {
  const value = Number(number);
  if (!isWhole(number)) return Math.abs(value) > EXACT ? NaN : value;
  return Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE);
}

function keys(object: ObjectNode): string[] {
  return object.members.map(({ name }) => (name as StringNode).value); // JSON has no other names
}

function firstTwice(keys: string[]): string | undefined {
  const seen = new Set<string>();
  return keys.find((key) => seen.has(key) || !seen.add(key));
}

function invalid(detail: string, param: string | null = null): Refusal {
  return new Refusal("invalid_request", detail, param || null); // a key may be empty
}
