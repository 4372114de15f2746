/**
 * What each body may hold: only these fields, of these types, as gateway/admin/keys.py says.
 *
 * Checked with valibot: no dependencies, released several times a year, and small, since each cold
 * start loads it: 200 kB, where zod, which does the same, brings several times as much.
 */

import * as v from "valibot";
import { Refusal } from "../_shared/errors.ts";
import {
  email,
  invalidField,
  isObject,
  label,
  models,
  number,
  origins,
  scopes,
  time,
  visitors,
} from "./fields.ts";
import type { Members } from "../_shared/json.ts";
import bounds from "./key_fields.json" with { type: "json" };
import { cut } from "../_shared/text.ts";

/** What is null or left out takes its default. */
export const CREATE = v.strictObject({
  label,
  owner_email: v.nullish(email),
  rate_limit_per_min: v.nullish(number("rate_limit_per_min")),
  monthly_token_limit: v.nullish(number("monthly_token_limit")),
  max_output_tokens: v.nullish(number("max_output_tokens")),
  allowed_models: v.nullish(models),
  allowed_origins: v.nullish(origins),
  scopes: v.nullish(scopes),
  expires_at: v.nullish(time),
  visitors: v.nullish(visitors),
});

/** Only what is named changes; null takes a restriction away. */
export const UPDATE = v.strictObject({
  ...CREATE.entries,
  label: v.optional(label),
  rate_limit_per_min: v.optional(number("rate_limit_per_min")),
  monthly_token_limit: v.optional(number("monthly_token_limit")),
  scopes: v.optional(scopes),
});

/** How long the old key lives on. */
export const ROTATE = v.strictObject({
  grace_seconds: v.optional(number("grace_seconds"), bounds.grace_seconds.default),
});

const text = v.string("should be text");
const flag = v.boolean("should be true or false");
const object = v.custom<Record<string, unknown>>(isObject, "should be an object");
const objects = v.custom<Record<string, unknown>>(
  (given) => isObject(given) && Object.values(given).every(isObject),
  "should be an object of objects",
);
const whole = v.custom<number>(Number.isInteger, "should be a whole number");

/** What is null or left out takes its default, as gateway/admin/presets.py says. */
export const PRESET_CREATE = v.strictObject({
  name: text,
  model: text,
  system: text,
  parameters: v.nullish(object),
  template: v.nullish(text),
  variables: v.nullish(objects),
  locked: v.nullish(flag),
});

/** Only what is named changes. */
export const PRESET_UPDATE = v.strictObject({
  model: v.optional(text),
  system: v.optional(text),
  parameters: v.nullish(object),
  template: v.nullish(text),
  variables: v.nullish(objects),
  locked: v.optional(flag),
  restore: v.optional(whole),
});

export type Shape =
  | typeof CREATE
  | typeof UPDATE
  | typeof ROTATE
  | typeof PRESET_CREATE
  | typeof PRESET_UPDATE;
export type Given<S extends Shape> = v.InferOutput<S>;

/** The fields in their one form; or the refusal of the first that does not fit. */
export function fit<S extends Shape>(members: Members, shape: S): Given<S> | Refusal {
  const names = [...members.keys()];
  const known = Object.keys(shape.entries);
  const near = names.find((name) => !known.includes(name) && known.includes(folded(name)));
  if (near !== undefined) {
    return invalid(`The key '${cut(near)}' differs from a known one in case only.`, cut(near));
  }
  const found = v.safeParse(shape, Object.fromEntries(members));
  if (found.success) return found.output;
  const unknown = names.findIndex((name) => !known.includes(name));
  // As the gateway does it: types in the order of the body, then what is missing, then values.
  const place = ({ kind, expected, path }: v.BaseIssue<unknown>) => {
    if (kind !== "schema") return names.length + 1;
    const at = expected === "never" ? unknown : names.indexOf(path![0].key as string);
    return at < 0 ? names.length : at;
  };
  const [first] = [...found.issues].sort((one, other) => place(one) - place(other));
  if (first.type !== "strict_object") return invalidField(placeOf(first), first.message);
  if (first.expected !== "never") return invalid(`The body needs the field ${first.path![0].key}.`);
  return invalid(`The fields here are ${known.join(", ")}, not '${cut(names[unknown])}'.`);
}

/** Case folded as far as that can give one of our names: ſ, ß and ligatures fold to ASCII too. */
export function folded(key: string): string {
  return key.toLowerCase().replace(/[ſßﬀ-ﬆ]/g, (one) => one.toUpperCase().toLowerCase());
}

/** Such as `label` or `scopes[0]`. */
function placeOf({ path }: v.BaseIssue<unknown>): string {
  return path!.map(({ key }) => typeof key === "number" ? `[${key}]` : key).join("");
}

function invalid(detail: string, param: string | null = null): Refusal {
  return new Refusal("invalid_request", detail, param);
}
