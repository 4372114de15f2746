/** Paths: which say clearly what they mean, and what they say. */

import { isPrintable } from "../_shared/text.ts";

// A dot segment, an encoded slash or a doubled one: some parser before us might read it otherwise.
const UNCLEAR = /\/\/|\/\.{1,2}(\/|$)|%2f|%5c|%2e|%00|\\/i;

/** The path of a request without its last slash and escapes; null where it can be read in two ways. */
export function pathOf(url: string): string | null {
  const raw = url.replace(/^[a-z]+:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  const path = unquote(raw);
  return UNCLEAR.test(raw) || !isPrintable(path) ? null : path;
}

/** Bytes that are no UTF-8 become U+FFFD, and a stray % stays: `decodeURIComponent` would throw. */
function unquote(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    const bytes = escapes.slice(1).split("%").map((digits) => parseInt(digits, 16));
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  });
}
