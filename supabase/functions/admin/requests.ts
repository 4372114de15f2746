/**
 * The request log: what it is filtered by, and which page of it. The twin of
 * gateway/admin/requests_query.py and requests.py; the contract suite asks both the same.
 */

import { Refusal } from "../_shared/errors.ts";
import type { Answer } from "../_shared/replies.ts";
import type { Store } from "../_shared/store.ts";
import { isPrintable, strip } from "../_shared/text.ts";
import { identifier } from "./fields.ts";
import { isKeepable, UNKEEPABLE } from "./keepable.ts";
import { unknownOrTwice } from "./query.ts";
import { moment } from "./times.ts";

const MOST = 200; // rows on one page
const IDS = ["api_key_id", "visitor"];
const TIMES = ["from", "to"];
const NAMES = ["cursor", "limit", ...IDS, "model", "status", "usage_source", "route", ...TIMES];
const NO_SUCH = "There is no request with this id in the log.";
const DAY = 10; // characters
const DAY_MS = 86_400_000;

/** One page, the newest first. */
export async function listRequests(store: Store, query: URLSearchParams): Promise<Answer> {
  const refusal = unclear(query);
  if (refusal) return refusal;
  const filters: Record<string, string> = {};
  for (const [name, value] of query) {
    if (name === "limit" || name === "cursor") continue;
    try {
      filters[name] = filter(name, value);
    } catch (problem) {
      return invalid(`${name} ${(problem as Error).message.replace(/\.+$/, "")}.`, name);
    }
  }
  return await list(store, filters, query.get("cursor"), Number(query.get("limit") ?? "50"));
}

/** One row of the log. */
export async function getRequest(store: Store, id: string): Promise<Answer> {
  const found = identifier(id);
  if (found instanceof Refusal) return new Refusal("not_found", NO_SUCH, "id");
  const page = await list(store, { ids: [found] }, null, 1);
  if (page instanceof Refusal) return page;
  const [row] = page.data as Record<string, unknown>[];
  return row ?? new Refusal("not_found", NO_SUCH, "id");
}

async function list(
  store: Store,
  filters: Record<string, string | string[]>,
  cursor: string | null,
  limit: number,
): Promise<Answer> {
  const values = { p_filter: filters, p_cursor: cursor, p_limit: limit };
  const told = await store("list_requests", values);
  return told.refusal ? invalid(told.detail as string, "cursor") : told;
}

/** What is wrong with the names, the page size or the cursor, if anything. */
function unclear(query: URLSearchParams): Refusal | null {
  const refusal = unknownOrTwice(query, NAMES);
  if (refusal) return refusal;
  const limit = query.get("limit") ?? "50";
  if (!/^[0-9]{1,5}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST) {
    return invalid(`limit should be a number between 1 and ${MOST}.`, "limit");
  }
  if (!isPrintable(query.get("cursor") ?? "")) { // Postgres takes no zero byte
    return invalid("This cursor is not one that a list gave.", "cursor");
  }
  return null;
}

function filter(name: string, value: string): string {
  if (IDS.includes(name)) {
    const found = identifier(value);
    if (found instanceof Refusal) throw new Error("should be an id, as the log shows it");
    return found;
  }
  if (TIMES.includes(name)) return momentOf(name, value);
  if (!isKeepable(value)) throw new Error(UNKEEPABLE);
  return value;
}

/** `to` is the first moment that is too late; a day alone means all of it. */
function momentOf(name: string, value: string): string {
  const found = moment(value);
  if (name !== "to" || strip(value).length !== DAY) return found;
  return found.startsWith("9999-12-31")
    ? found
    : moment(new Date(Date.parse(found) + DAY_MS).toISOString().slice(0, DAY));
}

function invalid(detail: string, param: string): Refusal {
  return new Refusal("invalid_request", detail, param);
}
