/**
 * What an owner may write into the fields of a key, and the one form in which it is kept. The twin
 * of gateway/admin/fields.py; tests/vectors/fields.json holds them together.
 */

import { Refusal } from "./errors.ts";
import { canonicalEntry } from "./names.ts";
import { origin } from "./origins.ts";
import type { Value } from "./shapes.ts";
import { isPrintable, lengthOf, strip } from "./text.ts";
import { moment } from "./times.ts";

export const SCOPES = ["chat", "embeddings", "models:read", "models:pull", "ollama:native"];

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const EMAIL = /^[^@\s]{1,64}@[^@\s]{1,189}$/u;
const LABEL_LENGTH = 100;
const LIST_LENGTH = 100;

/** The fields in canonical form, or the refusal of the first that cannot be used. */
export function checkFields(given: Map<string, Value>): Map<string, Value> | Refusal {
  const values = new Map<string, Value>();
  for (const [name, value] of given) {
    try {
      values.set(name, value === null ? null : CHECKS[name](value));
    } catch (problem) {
      return invalidField(name, (problem as Error).message);
    }
  }
  return values;
}

export function invalidField(name: string, problem: string): Refusal {
  const reason = name === "id" ? "not_found" : "invalid_request";
  return new Refusal(reason, `${name} ${problem.replace(/\.+$/, "")}.`, name);
}

/** The id of a key, in lower case. */
export function identifier(text: string): string | Refusal {
  if (ID.test(text)) return text.toLowerCase();
  return invalidField("id", "should be the id of a key, as the list of keys shows it");
}

function label(given: string): string {
  const text = strip(given);
  const length = lengthOf(text);
  if (length < 1 || length > LABEL_LENGTH || !isPrintable(text)) {
    throw new Error(`should be 1 to ${LABEL_LENGTH} printable characters`);
  }
  return text;
}

function email(given: string): string {
  const text = strip(given);
  if (!EMAIL.test(text) || !isPrintable(text)) throw new Error("should be an e-mail address");
  return text;
}

function number(low: number, high: number): (value: number) => number {
  return (value) => {
    if (value < low || value > high) throw new Error(`should be between ${low} and ${high}`);
    return value;
  };
}

/** Names, and patterns with `*`, without repetition; `*` or none at all: every model. */
function models(names: string[]): string[] | null {
  const kept = unique(names, canonicalEntry);
  return kept?.includes("*") ? null : kept;
}

/** Origins as browsers send them; `*` or none at all: every website. */
function origins(items: string[]): string[] | null {
  return items.includes("*") ? null : unique(items, origin);
}

function scopes(names: string[]): string[] {
  if (names.length === 0 || names.some((name) => !SCOPES.includes(name))) {
    throw new Error(`should be some of ${SCOPES.join(", ")}`);
  }
  return SCOPES.filter((name) => names.includes(name));
}

function unique(items: string[], form: (item: string) => string): string[] | null {
  if (items.length > LIST_LENGTH) {
    throw new Error(`should have at most ${LIST_LENGTH} entries`);
  }
  const kept = [...new Set(items.map(form))];
  return kept.length > 0 ? kept : null;
}

// Each is called with the type that its shape has seen to.
// deno-lint-ignore no-explicit-any
const CHECKS: Record<string, (value: any) => Value> = {
  label,
  owner_email: email,
  rate_limit_per_min: number(1, 1_000_000),
  monthly_token_limit: number(0, 10 ** 12),
  max_output_tokens: number(1, 10 ** 9),
  allowed_models: models,
  allowed_origins: origins,
  scopes,
  expires_at: moment,
};
