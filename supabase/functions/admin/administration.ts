/**
 * What an owner can do with keys, as in gateway/admin/keys.py: requests are checked and put in
 * their one form, SQL does the rest. The plain key is made here and never reaches the database.
 */

import { Refusal } from "../_shared/errors.ts";
import type { Answer } from "../_shared/replies.ts";
import { identifier, invalidField } from "./fields.ts";
import { displayPrefix, hashKey, makeKey } from "../_shared/keys.ts";
import type { Settings } from "./settings.ts";
import type { CREATE, Given, UPDATE } from "./shapes.ts";
import type { Arguments, Row, Store } from "../_shared/store.ts";
import { isPrintable } from "../_shared/text.ts";

const SAVE_IT = "Save this key — it will not be shown again.";

/** Make a key; the answer is the only place where it ever stands in full. */
export async function createKey(
  store: Store,
  settings: Settings,
  given: Given<typeof CREATE>,
): Promise<Answer> {
  if (given.expires_at && new Date(given.expires_at) <= new Date()) {
    return invalidField("expires_at", "lies in the past");
  }
  const { key, ...stored } = newKey(settings);
  const row = await store("create_api_key", {
    ...stored,
    p_label: given.label,
    p_owner_email: given.owner_email ?? null,
    p_rate_limit_per_min: given.rate_limit_per_min ?? settings.defaultRateLimit,
    p_monthly_token_limit: given.monthly_token_limit ?? settings.defaultTokenLimit,
    p_allowed_models: given.allowed_models ?? null,
    p_allowed_origins: given.allowed_origins ?? null,
    p_scopes: given.scopes ?? null,
    p_expires_at: given.expires_at ?? null,
    p_max_output_tokens: given.max_output_tokens ?? null,
    p_visitors: given.visitors ?? null,
  });
  return withKey(row, key);
}

/** One page, oldest first: `{"data": […], "next": cursor or null}`. */
export async function listKeys(
  store: Store,
  cursor: string | null,
  limit: number,
): Promise<Answer> {
  if (limit < 1 || limit > 1000) {
    return new Refusal("invalid_request", "limit should be between 1 and 1000.", "limit");
  }
  if (cursor && !isPrintable(cursor)) { // Postgres takes no zero byte
    return new Refusal(
      "invalid_request",
      "This cursor does not come from a list of keys.",
      "cursor",
    );
  }
  return answer(await store("list_api_keys", { p_cursor: cursor, p_limit: limit }));
}

/** Change what the request names; it holds from the next call of the key on. */
export async function updateKey(
  store: Store,
  id: string,
  changes: Given<typeof UPDATE>,
): Promise<Answer> {
  if (Object.keys(changes).length === 0) {
    return new Refusal("invalid_request", "Give at least one field to change.");
  }
  return await onKey(store, "update_api_key", id, { p_changes: changes });
}

/** A new key in place of the old one, which goes on for the time of grace. */
export async function rotateKey(
  store: Store,
  settings: Settings,
  id: string,
  graceSeconds: number,
): Promise<Answer> {
  const { key, ...stored } = newKey(settings);
  return withKey(
    await onKey(store, "rotate_api_key", id, { ...stored, p_grace_seconds: graceSeconds }),
    key,
  );
}

/** Refuse the key, and the ones it replaced, from now on. Its usage stays. */
export async function revokeKey(store: Store, id: string): Promise<Answer> {
  return await onKey(store, "revoke_api_key", id);
}

async function onKey(
  store: Store,
  name: string,
  id: string,
  values: Arguments = {},
): Promise<Answer> {
  const found = identifier(id);
  if (found instanceof Refusal) return found;
  return answer(await store(name, { p_id: found, ...values }));
}

function newKey(settings: Settings): { key: string; p_key_hash: string; p_prefix: string } {
  const key = makeKey(settings.apiKeyPrefix);
  return { key, p_key_hash: hashKey(key), p_prefix: displayPrefix(key) };
}

/** What the database said, or its refusal. */
export function answer(row: Row): Answer {
  if (!row.refusal) return row;
  const detail = row.detail as string | null;
  if (row.refusal === "invalid_visitors") { // SQL knows best what they may be
    return new Refusal("invalid_request", detail ?? "", "visitors");
  }
  return row.refusal === "not_found"
    ? new Refusal("not_found", detail || "There is no key with this id.")
    : new Refusal("invalid_request", detail || "This is not possible.");
}

function withKey(row: Answer, key: string): Answer {
  const found = row instanceof Refusal ? row : answer(row);
  return found instanceof Refusal ? found : { id: found.id, key, ...found, message: SAVE_IT };
}
