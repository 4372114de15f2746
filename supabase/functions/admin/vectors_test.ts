/** The vectors that the Python tests run too: both sides read, keep and refuse alike. */

import { deepStrictEqual, strictEqual, throws } from "node:assert";
import entries from "../../../tests/vectors/allowed_models.json" with { type: "json" };
import bodies from "../../../tests/vectors/bodies.json" with { type: "json" };
import fields from "../../../tests/vectors/fields.json" with { type: "json" };
import keys from "../../../tests/vectors/keys.json" with { type: "json" };
import names from "../../../tests/vectors/model_names.json" with { type: "json" };
import origins from "../../../tests/vectors/origins.json" with { type: "json" };
import refusals from "../../../tests/vectors/refusals.json" with { type: "json" };
import { readBody } from "./body.ts";
import { CATALOGUE, Refusal } from "./errors.ts";
import { checkFields, identifier } from "./fields.ts";
import { checksum, displayPrefix, hashKey, isWellFormed } from "./keys.ts";
import { canonicalEntry, canonicalName } from "./names.ts";
import { origin } from "./origins.ts";
import { CREATE, ROTATE, UPDATE, type Value } from "./shapes.ts";
import { cut } from "./text.ts";

const SHAPES = { create: CREATE, update: UPDATE, rotate: ROTATE };

function read({ shape, body }: { shape: string; body: string }) {
  const request = new Request("http://x", { method: "POST", body: body || null });
  return readBody(request, SHAPES[shape as keyof typeof SHAPES]);
}

function checked(field: string, given: unknown) {
  if (field === "id") return identifier(given as string);
  const values = checkFields(new Map([[field, given as Value]]));
  return values instanceof Refusal ? values : values.get(field);
}

Deno.test("a good body holds what the vectors say", async () => {
  for (const vector of bodies.taken) {
    const values = await read(vector);
    if (values instanceof Refusal) throw new Error(`${vector.body}: ${values.detail}`);
    deepStrictEqual(Object.fromEntries(values), { ...vector.values }, vector.body);
  }
});

Deno.test("a bad body is refused with the words of the vectors", async () => {
  for (const vector of bodies.refused) {
    const refusal = await read(vector) as Refusal;
    const { message, param } = JSON.parse(refusal.body).error;
    deepStrictEqual(
      { message, param },
      { message: vector.message, param: vector.param },
      vector.body,
    );
  }
});

Deno.test("a field is kept in the form of the vectors", () => {
  for (const { field, given, kept } of fields.kept) {
    deepStrictEqual(checked(field, given), kept, `${field} ${given}`);
  }
});

Deno.test("a field is refused with the words of the vectors", () => {
  for (const { field, given, text } of fields.refused) {
    const refusal = checked(field, given);
    deepStrictEqual([(refusal as Refusal).param, (refusal as Refusal).detail], [field, text]);
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
  for (const { given, why } of names.refused) {
    throws(() => canonicalName(given), { message: `'${cut(given)}' ${why}` });
  }
});

Deno.test("an entry of allowed_models is made canonical, or refused, as in the vectors", () => {
  for (const { given, kept } of entries.kept) {
    strictEqual(canonicalEntry(given), kept, given);
    strictEqual(canonicalEntry(kept), kept);
  }
  for (const { given, why } of entries.refused) {
    throws(() => canonicalEntry(given), { message: `'${cut(given)}' ${why}` }, given);
  }
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
  deepStrictEqual(CATALOGUE, refusals);
});
