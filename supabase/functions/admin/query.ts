/**
 * The parameters of a route, each known and given once. The twin of gateway/admin/query_string.py;
 * the contract suite asks both the same.
 */

import { Refusal } from "../_shared/errors.ts";

/** What is wrong with the names, if anything. */
export function unknownOrTwice(query: URLSearchParams, known: string[]): Refusal | null {
  const seen = new Set<string>();
  for (const name of query.keys()) {
    if (!known.includes(name)) {
      return new Refusal("invalid_request", `The parameters here are ${known.join(", ")}.`);
    }
    if (seen.has(name)) {
      return new Refusal("invalid_request", `The parameter '${name}' is given twice.`, name);
    }
    seen.add(name);
  }
  return null;
}
