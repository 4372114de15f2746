/**
 * What an owner can do with presets, as in gateway/admin/presets.py: types are checked here, all
 * else is for SQL to say (sql/helpers/presets).
 */

import type { Answer } from "../_shared/replies.ts";
import { Refusal } from "../_shared/errors.ts";
import { isKeepable, UNKEEPABLE } from "./keepable.ts";
import type { Given, PRESET_CREATE, PRESET_UPDATE } from "./shapes.ts";
import type { Arguments, Row, Store } from "../_shared/store.ts";
import { isPrintable, lengthOf } from "../_shared/text.ts";

const LONGEST_NAME = 64;
const NO_SUCH = "There is no preset of this name.";

export async function createPreset(
  store: Store,
  given: Given<typeof PRESET_CREATE>,
): Promise<Answer> {
  const problem = unkeepable(given);
  if (problem) return problem;
  const { name, ...fields } = given;
  return answer(await store("create_preset", { p_name: name, p_fields: fields }));
}

/** All of them, without prompts: `{"data": […]}`. */
export async function listPresets(store: Store): Promise<Answer> {
  return answer(await store("list_presets", {}));
}

/** One with its prompt, and the versions that can be gone back to. */
export async function getPreset(
  store: Store,
  name: string,
  version: string | null,
): Promise<Answer> {
  if (version !== null && !/^[0-9]{1,9}$/.test(version)) {
    return new Refusal("invalid_request", "version should be a number.", "version");
  }
  const wanted = version === null ? null : Number(version);
  return await onPreset(store, "get_preset", name, { p_version: wanted });
}

export async function updatePreset(
  store: Store,
  name: string,
  changes: Given<typeof PRESET_UPDATE>,
): Promise<Answer> {
  if (Object.keys(changes).length === 0) {
    return new Refusal("invalid_request", "Give at least one field to change.");
  }
  return unkeepable(changes) ??
    await onPreset(store, "update_preset", name, { p_changes: changes });
}

/** It is unknown from now on. What was used of it stays in the usage. */
export async function deletePreset(store: Store, name: string): Promise<Answer> {
  return await onPreset(store, "delete_preset", name);
}

async function onPreset(
  store: Store,
  called: string,
  name: string,
  values: Arguments = {},
): Promise<Answer> {
  if (lengthOf(name) > LONGEST_NAME || !isPrintable(name)) return new Refusal("not_found", NO_SUCH);
  return answer(await store(called, { p_name: name, ...values }));
}

function answer(row: Row): Answer {
  if (!row.refusal) return row;
  const reason = row.refusal === "not_found" ? "not_found" : "invalid_request";
  const detail = (row.detail as string | null) || "This is not possible.";
  return new Refusal(reason, detail, (row.param as string | undefined) ?? null);
}

function unkeepable(fields: Arguments): Refusal | null {
  for (const [name, value] of Object.entries(fields)) {
    if (!isKeepable(value)) {
      return new Refusal("invalid_request", `${name} ${UNKEEPABLE}.`, name);
    }
  }
  return null;
}
