/** Text as Python's `str` sees it, so that both sides keep the same form of the same words. */

const SPACE =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const ENDS = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "g");
const UNPRINTABLE = /(?! )[\p{Other}\p{Separator}]/u;

/** Without white space at either end; `trim` has another idea of what that is. */
export function strip(text: string): string {
  return text.replace(ENDS, "");
}

/** No control or format characters, no separators but the plain space, nothing unassigned. */
export function isPrintable(text: string): boolean {
  return !UNPRINTABLE.test(text);
}

/** How many characters: of Unicode, not of UTF-16. */
export function lengthOf(text: string): number {
  return Array.from(text).length;
}

/** `length` characters from the beginning. */
export function cut(text: string, length = 80): string {
  return Array.from(text).slice(0, length).join("");
}

/** Half a surrogate pair cannot travel as UTF-8: `?` stands for it. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "?");
}

export function isAscii(text: string): boolean {
  return !/[\u{80}-\u{10ffff}]/u.test(text);
}
