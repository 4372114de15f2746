/** The vectors that the Python tests run too: both sides read, keep and refuse alike. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import entries from "../../../tests/vectors/allowed_models.json" with { type: "json" };
import bodies from "../../../tests/vectors/bodies.json" with { type: "json" };
import fields from "../../../tests/vectors/fields.json" with { type: "json" };
import keys from "../../../tests/vectors/keys.json" with { type: "json" };
import names from "../../../tests/vectors/model_names.json" with { type: "json" };
import corsOrigins from "../../../tests/vectors/cors_origins.json" with { type: "json" };
import origins from "../../../tests/vectors/origins.json" with { type: "json" };
import refusals from "../../../tests/vectors/refusals.json" with { type: "json" };
import { readBody } from "./body.ts";
import { CATALOGUE, Refusal } from "../_shared/errors.ts";
import { identifier } from "./fields.ts";
import bounds from "./key_fields.json" with { type: "json" };
import { checksum, displayPrefix, hashKey, isWellFormed } from "../_shared/keys.ts";
import { canonicalEntry, canonicalName } from "./names.ts";
import { corsEntry, isAmong, origin } from "../_shared/origins.ts";
import { CREATE, fit, ROTATE, UPDATE } from "./shapes.ts";

const SHAPES = { create: CREATE, update: UPDATE, rotate: ROTATE };

function read({ shape, body }: { shape: string; body: string }) {
  const request = new Request("http://x", { method: "POST", body: body || null });
  return readBody(request, SHAPES[shape as keyof typeof SHAPES]);
}

function checked(field: string, given: unknown) {
  if (field === "id") return identifier(given as string);
  const values = fit(new Map([[field, given]]), UPDATE);
  return values instanceof Refusal ? values : { ...values }[field];
}

Deno.test("a good body holds what the vectors say", async () => {
  for (const vector of bodies.taken) {
    const values = await read(vector);
    if (values instanceof Refusal) throw new Error(`${vector.body}: ${values.detail}`);
    const kept = JSON.parse(JSON.stringify(values)); // as the database gets it: -0 is 0
    const defaults = vector.shape === "rotate"
      ? { grace_seconds: bounds.grace_seconds.default }
      : {};
    deepStrictEqual(kept, { ...defaults, ...vector.values }, vector.body);
  }
});

Deno.test("a bad body is refused and named as in the vectors", async () => {
  for (const vector of bodies.refused) {
    const refusal = await read(vector);
    ok(refusal instanceof Refusal, vector.body);
    strictEqual(refusal.reason, "invalid_request");
    const { message, param } = JSON.parse(refusal.body).error;
    strictEqual(param, vector.param, vector.body);
    ok(/^[A-Z"'a-z].{10,}[^.]\.$/s.test(message), message);
  }
});

Deno.test("a field is kept in the form of the vectors", () => {
  for (const { field, given, kept } of fields.kept) {
    deepStrictEqual(checked(field, given), kept, `${field} ${given}`);
  }
});

Deno.test("a field is refused by name where the vectors say so", () => {
  for (const { field, given } of fields.refused) {
    const refusal = checked(field, given);
    ok(refusal instanceof Refusal, `${field} ${given}`);
    strictEqual(refusal.param, field);
    ok(refusal.detail.startsWith(`${field} `), refusal.detail);
  }
});

Deno.test("an origin is kept as browsers send it, and what none sends is refused", () => {
  for (const { given, kept } of origins.kept) {
    strictEqual(origin(given), kept);
    strictEqual(origin(kept), kept);
  }
  for (const given of origins.refused) throws(() => origin(given), /list of origins/, given);
});

Deno.test("a model's name is made canonical, or refused, as in the vectors", () => {
  for (const { given, kept } of names.kept) strictEqual(canonicalName(given), kept, given);
  for (const { given } of names.refused) throws(() => canonicalName(given), given);
});

Deno.test("an entry of CORS_ORIGINS matches what the vectors say, or is refused", () => {
  for (const { given, kept, matches, others } of corsOrigins.kept) {
    strictEqual(corsEntry(given), kept, given);
    for (const one of matches) ok(isAmong([kept], one), `${kept}: ${one}`);
    for (const one of others) ok(!isAmong([kept], one), `${kept}: ${one}`);
  }
  for (const { given, right } of corsOrigins.refused) {
    const told = right ? `no page: write ${right}` : "no page";
    const message = `should be a list of websites; '${given}' is the origin of ${told}`;
    throws(() => corsEntry(given), { message });
  }
});

Deno.test("an entry of allowed_models is made canonical, or refused, as in the vectors", () => {
  for (const { given, kept } of entries.kept) {
    strictEqual(canonicalEntry(given), kept, given);
    strictEqual(canonicalEntry(kept), kept);
  }
  for (const { given } of entries.refused) throws(() => canonicalEntry(given), given);
});

Deno.test("a well-formed key has the checksum, hash and display prefix of the vectors", () => {
  for (const vector of keys.well_formed) {
    strictEqual(isWellFormed(vector.key), true);
    strictEqual(checksum(vector.key.slice(0, -6)), vector.checksum);
    strictEqual(hashKey(vector.key), vector.sha256);
    strictEqual(displayPrefix(vector.key), vector.display_prefix);
  }
});

Deno.test("what cannot be a key is not well formed", () => {
  for (const { key, why } of keys.malformed) strictEqual(isWellFormed(key), false, why);
});

Deno.test("the refusals are those of the gateway", () => {
  const promised = Object.entries(CATALOGUE).map(([name, { status, type, code }]) => [
    name,
    { status, type, code },
  ]);
  deepStrictEqual(Object.fromEntries(promised), refusals);
});
