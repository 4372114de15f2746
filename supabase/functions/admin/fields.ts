/**
 * What an owner may write into the fields of a key, and the one form in which it is kept. The twin
 * of gateway/admin/fields.py: tests/vectors/fields.json holds them together, key_fields.json has the
 * bounds of both.
 */

import * as v from "valibot";
import { Refusal } from "../_shared/errors.ts";
import { isKeepable, UNKEEPABLE } from "./keepable.ts";
import bounds from "./key_fields.json" with { type: "json" };
import { canonicalEntry } from "./names.ts";
import { origin } from "../_shared/origins.ts";
import { isPrintable, lengthOf, strip } from "../_shared/text.ts";
import { moment } from "./times.ts";

type Numbered = "rate_limit_per_min" | "monthly_token_limit" | "max_output_tokens";
type Listed = "allowed_models" | "allowed_origins";

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const EMAIL = new RegExp(bounds.owner_email.pattern, "u");
const SCOPES = bounds.scopes.items.enum;
const NO_EMAIL = "should be an e-mail address";

const text = v.string("should be text");
const texts = v.array(text, "should be a list of texts");

export const label = v.pipe(
  text,
  v.transform(strip),
  v.check(
    (given) => {
      const length = lengthOf(given);
      const { minLength, maxLength } = bounds.label;
      return length >= minLength && length <= maxLength && isPrintable(given);
    },
    `should be ${bounds.label.minLength} to ${bounds.label.maxLength} printable characters`,
  ),
);

export const email = v.pipe(
  text,
  v.transform(strip),
  v.regex(EMAIL, NO_EMAIL),
  v.check(isPrintable, NO_EMAIL),
);

/** A whole number, however written: 1.0 and 1e2 are 1 and 100. */
export function number(name: Numbered | "grace_seconds") {
  const { minimum, maximum } = bounds[name];
  const between = `should be between ${minimum} and ${maximum}`;
  return v.pipe(
    v.custom<number>(Number.isInteger, "should be a whole number"),
    v.minValue(minimum, between),
    v.maxValue(maximum, between),
  );
}

/** Names, and patterns with `*`, without repetition. `*`: every model; none at all: no model. */
export const models = v.pipe(
  texts,
  inForm((names: string[]) => {
    const kept = unique("allowed_models", names, canonicalEntry);
    return kept.includes("*") ? null : kept;
  }),
);

/** Origins as browsers send them; `*` or none at all: every website. */
export const origins = v.pipe(
  texts,
  inForm((items: string[]) =>
    items.includes("*") || items.length === 0 ? null : unique("allowed_origins", items, origin)
  ),
);

export const scopes = v.pipe(
  texts,
  v.check(
    (names) => names.length > 0 && names.every((name) => SCOPES.includes(name)),
    `should be some of ${SCOPES.join(", ")}`,
  ),
  v.transform((names) => SCOPES.filter((name) => names.includes(name))),
);

/** What else it may hold, SQL says (gateway.visitors_problem). */
export const visitors = v.pipe(
  v.custom<Record<string, unknown>>(isObject, "should be an object"),
  v.check((given) => isKeepable(given), UNKEEPABLE),
);

export function isObject(given: unknown): given is Record<string, unknown> {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

export const time = v.pipe(text, inForm(moment));

/** The id of a key, in lower case. */
export function identifier(text: string): string | Refusal {
  if (ID.test(text)) return text.toLowerCase();
  return invalidField("id", "should be the id of a key, as the list of keys shows it");
}

export function invalidField(name: string, problem: string): Refusal {
  const reason = name === "id" ? "not_found" : "invalid_request";
  return new Refusal(reason, `${name} ${problem.replace(/\.+$/, "")}.`, name);
}

/** What `form` makes of it; what it throws says what is wrong. */
function inForm<Given, Kept>(form: (given: Given) => Kept) {
  return v.rawTransform<Given, Kept>(({ dataset, addIssue, NEVER }) => {
    try {
      return form(dataset.value);
    } catch (problem) {
      addIssue({ message: (problem as Error).message });
      return NEVER;
    }
  });
}

function unique(name: Listed, items: string[], form: (item: string) => string): string[] {
  const most = bounds[name].maxItems;
  if (items.length > most) throw new Error(`should have at most ${most} entries`);
  return [...new Set(items.map(form))];
}
