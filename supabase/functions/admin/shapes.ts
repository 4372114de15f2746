/** What each body may hold: only these fields, of these types, as gateway/admin/keys.py says. */

import { Refusal } from "./errors.ts";
import { Float, type Json, type Members } from "./json.ts";
import { cut } from "./text.ts";

/** Types in the words of the gateway's refusals; an array is one of texts. */
type Type = "str" | "int" | "array" | "str | null" | "int | null" | "array | null";

export interface Shape {
  types: ReadonlyMap<string, Type>;
  required: readonly string[];
}

export type Value = string | number | string[] | null;

function shape(types: Record<string, Type>, ...required: string[]): Shape {
  return { types: new Map(Object.entries(types)), required };
}

export const CREATE = shape({
  label: "str",
  owner_email: "str | null",
  rate_limit_per_min: "int | null",
  monthly_token_limit: "int | null",
  max_output_tokens: "int | null",
  allowed_models: "array | null",
  allowed_origins: "array | null",
  scopes: "array | null",
  expires_at: "str | null",
}, "label");

export const UPDATE = shape({
  label: "str",
  owner_email: "str | null",
  rate_limit_per_min: "int",
  monthly_token_limit: "int",
  max_output_tokens: "int | null",
  allowed_models: "array | null",
  allowed_origins: "array | null",
  scopes: "array",
  expires_at: "str | null",
});

export const ROTATE = shape({ grace_seconds: "int" });

/** The members in the order of the shape, or the refusal of the first one that does not fit it. */
export function fit(members: Members, shape: Shape): Map<string, Value> | Refusal {
  for (const key of members.keys()) {
    if (!shape.types.has(key) && shape.types.has(folded(key))) {
      const where = cut(key);
      return invalid(`The key '${where}' differs from a known one in case only.`, where);
    }
  }
  for (const [key, value] of members) {
    const type = shape.types.get(key);
    const problem = type === undefined ? unknown(key) : misfit(key, value, type);
    if (problem) return problem;
  }
  for (const name of shape.required) {
    if (!members.has(name)) return invalid(`Object missing required field \`${name}\`.`);
  }
  const named = [...shape.types.keys()].filter((name) => members.has(name));
  return new Map(named.map((name) => [name, members.get(name) as Value]));
}

/** Case folded as far as that can give one of our names: ſ, ß and ligatures fold to ASCII too. */
export function folded(key: string): string {
  return key.toLowerCase().replace(/[ſßﬀ-ﬆ]/g, (one) => one.toUpperCase().toLowerCase());
}

function unknown(key: string): Refusal {
  if (!key.isWellFormed()) return invalid("The body holds text that is not valid Unicode.");
  return invalid(`Object contains unknown field \`${key}\`.`);
}

function misfit(name: string, value: Json, type: Type): Refusal | null {
  const found = typeOf(value);
  if (!type.split(" | ").includes(found)) return mistyped(name, type, found);
  if (!Array.isArray(value)) return null;
  const wrong = value.findIndex((item) => typeof item !== "string");
  return wrong < 0 ? null : mistyped(`${name}[${wrong}]`, "str", typeOf(value[wrong]));
}

function typeOf(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof Map) return "object";
  if (value instanceof Float) return "float";
  return { string: "str", number: "int", boolean: "bool" }[typeof value as string] ?? "object";
}

function mistyped(where: string, wanted: string, found: string): Refusal {
  return invalid(`Expected \`${wanted}\`, got \`${found}\` at ${where}.`, where);
}

function invalid(detail: string, param: string | null = null): Refusal {
  return new Refusal("invalid_request", detail, param);
}
