/** Websites as browsers name them in the header Origin, and patterns for several: the twin of gateway/core/origins.py. */

import { isIPv4, isIPv6 } from "node:net";
import { cut, isAscii, strip } from "./text.ts";

const SHAPE =
  /^([a-z][a-z0-9+.-]*):\/\/(?:\[([0-9a-f:]+)\]|([^\s/?#@:\\[\]]+))(?::([0-9]{0,5}))?\/*$/i;
const HOST_SHAPE = /^[a-z0-9._-]{1,253}$/;
const DEFAULT_PORTS = new Map([["http", 80], ["https", 443]]);

/** `scheme://host[:port]` in lower case, without the scheme's own port. */
export function origin(text: string): string {
  const found = SHAPE.exec(strip(text));
  const host = found && (found[2] ? ipv6(found[2]) : hostName(found[3]));
  const port = Number(found?.[4] || -1);
  if (!found || !host || port > 65535) {
    throw new Error(
      `should be a list of origins such as https://example.com, not '${cut(text)}'`,
    );
  }
  const scheme = found[1].toLowerCase();
  const hidden = port === -1 || port === DEFAULT_PORTS.get(scheme);
  return `${scheme}://${host}${hidden ? "" : `:${port}`}`;
}

/** In brackets, shortened as browsers do it. */
function ipv6(text: string): string | null {
  return isIPv6(text) ? new URL(`http://[${text}]`).hostname : null;
}

/** ASCII in lower case; null: no browser sends this. */
function hostName(text: string): string | null {
  const host = isAscii(text) ? text.toLowerCase() : asciiHost(text);
  if (host === null || !HOST_SHAPE.test(host)) return null;
  // Browsers rewrite 127.1 and 0x7f.0.0.1: what ends in a number has to be a whole address.
  return /(^|\.)([0-9]+|0x[0-9a-f]*)\.?$/.test(host) && !isIPv4(host) ? null : host;
}

/** A name in other letters, such as bücher.example, as the browser that runs this would send it. */
function asciiHost(text: string): string | null {
  return URL.parse(`http://${cut(text, 253)}/`)?.hostname ?? null;
}

const IN_HOST = "x-any"; // what stands for `*` where a pattern is checked
const IN_PORT = "1";

/** An entry of CORS_ORIGINS in the form in which it is compared: `*`, an origin, or a pattern. */
export function corsEntry(text: string): string {
  try {
    return entry(text);
  } catch {
    const shown = `'${cut(text)}' is the origin of no page${rightSpelling(text)}`;
    throw new Error(`should be a list of websites; ${shown}`);
  }
}

function rightSpelling(text: string): string {
  const found = /^(?:([a-z][a-z0-9+.-]*):\/\/|.*:\/\/)?([^/?#]*)/i.exec(text);
  try {
    return `: write ${entry(`${found?.[1] ?? "https"}://${found?.[2]}`)}`;
  } catch {
    return "";
  }
}

function entry(text: string): string {
  if (text === "*") return text;
  if (!text.includes("*")) return origin(text);
  const [scheme] = text.split("://");
  if (text.toLowerCase().includes(IN_HOST) || scheme.includes("*")) throw new Error();
  const anyPort = text.endsWith(":*");
  const checked = anyPort ? text.slice(0, -1) + IN_PORT : text;
  const found = origin(checked.replaceAll("*", IN_HOST)).replaceAll(IN_HOST, "*");
  return anyPort ? found.slice(0, -IN_PORT.length) + "*" : found;
}

/** Whether an origin is, or matches, one of these entries. */
export function isAmong(entries: string[], shown: string): boolean {
  const lower = shown.toLowerCase();
  return entries.some((one) => one.toLowerCase() === lower || pattern(one)?.test(lower));
}

function pattern(entry: string): RegExp | null {
  if (!entry.includes("*")) return null;
  const parts = entry.split("*").map((part) => part.replace(/[^a-z0-9]/g, "\\$&"));
  return new RegExp(`^${parts.join("[a-z0-9._:[\\]-]+")}$`);
}
