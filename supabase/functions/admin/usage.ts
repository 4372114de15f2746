/**
 * What was used, and what can be asked of it: a range of days, and by what it is added up. The twin
 * of gateway/admin/usage_query.py; the contract suite asks both the same.
 */

import type { Answer } from "../_shared/replies.ts";
import { answer } from "./administration.ts";
import { Refusal } from "../_shared/errors.ts";
import { identifier, invalidField } from "./fields.ts";
import type { Arguments, Store } from "../_shared/store.ts";
import { unknownOrTwice } from "./query.ts";
import { isDay } from "./times.ts";

const NAMES = ["from", "to", "group_by", "api_key_id"];
const GROUPS = ["month", "day", "hour", "key", "model", "visitor"]; // in the order in which rows are sorted

/** Rows by day, key and model, or added up by what `group_by` names: of one key, or of all. */
export async function usage(store: Store, query: URLSearchParams): Promise<Answer> {
  const refusal = unclear(query);
  if (refusal) return refusal;
  const groups = query.has("group_by") ? grouping(query.get("group_by")!) : [];
  if (groups instanceof Refusal) return groups;
  const id = query.has("api_key_id") ? identifier(query.get("api_key_id")!) : null;
  if (id instanceof Refusal) return id;
  const [from, to] = [query.get("from"), query.get("to")];
  if (from && to && to < from) {
    return new Refusal("invalid_request", "The range ends before it begins.", "to");
  }
  const values: Arguments = { p_key_id: id, p_from: from, p_to: to };
  if (groups.length > 0) values.p_group_by = groups;
  return answer(await store("admin_usage", values));
}

/** What is wrong with the names and the days, if anything. */
function unclear(query: URLSearchParams): Refusal | null {
  const refusal = unknownOrTwice(query, NAMES);
  if (refusal) return refusal;
  for (const name of ["from", "to"]) {
    const day = query.get(name);
    if (day !== null && !isDay(day)) {
      return new Refusal("invalid_request", "Dates should have the form 2026-11-24.", name);
    }
  }
  return null;
}

function grouping(text: string): string[] | Refusal {
  const names = text.split(",");
  const isNamed = (name: string) => names.includes(name);
  if (new Set(names).size < names.length || !names.every((name) => GROUPS.includes(name))) {
    const problem = `should be some of ${GROUPS.join(", ")}, separated by commas, each once`;
    return invalidField("group_by", problem);
  }
  if (isNamed("model") && isNamed("visitor")) {
    const problem = "has model or visitor, not both: of visitors no models are kept";
    return invalidField("group_by", problem);
  }
  return GROUPS.filter(isNamed);
}
