/** Texts that Postgres keeps: no zero characters, no halves of surrogate pairs. */

const OTHERS = /[\0\p{Surrogate}]/u;

export const UNKEEPABLE = "should hold no zero characters and no halves of surrogate pairs";

/** Whether all texts in a JSON value are. */
export function isKeepable(value: unknown): boolean {
  if (typeof value === "string") return !OTHERS.test(value);
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, one]) => isKeepable(key) && isKeepable(one));
}
