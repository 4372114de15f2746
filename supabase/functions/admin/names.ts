/**
 * Model names as Ollama reads them: loose in spelling, so made canonical before a comparison.
 * The twin of gateway/core/model_names.py, which says why; tests/vectors/model_names.json holds them together.
 */

import { cut, strip } from "../_shared/text.ts";

const REGISTRY = "registry.ollama.ai";
const NAMESPACE = "library";
const HOST_SHAPE = /^[a-z0-9_][a-z0-9_.:-]{0,349}$/;
const NAMESPACE_SHAPE = /^[a-z0-9_][a-z0-9_-]{0,79}$/;
const PART_SHAPE = /^[a-z0-9_][a-z0-9_.-]{0,79}$/;
const PRESET = "@preset/";
const PRESET_SHAPE = /^@preset\/[a-z0-9*][a-z0-9_.*-]{0,63}$/;
const PATTERN_SHAPE = /^[a-z0-9_*][a-z0-9_.:/*-]{0,199}$/;

/** What stands before and after the last `separator`; all of it is after where there is none. */
function splitLast(text: string, separator: string): [string, string, boolean] {
  const at = text.lastIndexOf(separator);
  return at < 0 ? ["", text, false] : [text.slice(0, at), text.slice(at + separator.length), true];
}

/** The name and where its last suffix says the model runs: local, cloud or nothing. */
function sourceOf(name: string): [string, string] {
  const [base, last, colon] = splitLast(strip(name), ":");
  const suffix = strip(last).toLowerCase();
  if (colon && (suffix === "local" || suffix === "cloud")) return [base, suffix];
  if (colon && suffix.endsWith("-cloud") && !suffix.includes("/")) {
    return [`${base}:${suffix.slice(0, -"-cloud".length)}`, "cloud"];
  }
  return [name, ""];
}

/** `text` without what it begins with, where it does. */
function without(prefix: string, text: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

/** What follows the scheme of an address, such as https://; all of it where there is none. */
function withoutScheme(text: string): string {
  const at = text.indexOf("://");
  return at < 0 ? text : text.slice(at + 3) || text;
}

/** The one spelling of an entry of `allowed_models`: a name, or a pattern with `*`. */
export function canonicalEntry(entry: string): string {
  const preset = strip(entry).toLowerCase().replace(/\*+/g, "*");
  if (preset.startsWith(PRESET)) {
    if (!PRESET_SHAPE.test(preset)) {
      throw new Error(`'${cut(entry)}' is not the name of a preset`);
    }
    return preset;
  }
  if (!entry.includes("*")) return canonicalName(entry);
  const text = strip(entry).toLowerCase().replace(/\*+/g, "*");
  const short = without(`${NAMESPACE}/`, without(`${REGISTRY}/`, withoutScheme(text)));
  const widened = short !== text && short.startsWith("*"); // library/*, https://* would be all
  if (widened || !PATTERN_SHAPE.test(short)) throw new Error(`'${cut(entry)}' is not a model name`);
  return short;
}

/** The one spelling of a model: `Library/X` → `x:latest`. Throws where none can be called so. */
export function canonicalName(name: string): string {
  let text = strip(name).toLowerCase();
  const [base, source] = sourceOf(text);
  if (source && sourceOf(base)[1]) {
    throw new Error(`'${cut(name)}' says twice where the model runs`);
  }
  if (source === "local") text = base;
  text = withoutScheme(text);
  const [head, last, slash] = splitLast(text, "/");
  const colon = last.indexOf(":");
  const model = colon < 0 ? last : last.slice(0, colon);
  const tag = colon < 0 ? "latest" : last.slice(colon + 1);
  const [named, namespace] = slash ? splitLast(head, "/") : ["", NAMESPACE];
  const host = named || REGISTRY;
  const valid = HOST_SHAPE.test(host) && NAMESPACE_SHAPE.test(namespace) &&
    PART_SHAPE.test(model) && PART_SHAPE.test(tag.replace(/:cloud$/, ""));
  if (!valid || text.length > 200) throw new Error(`'${cut(name)}' is not a model name`);
  const short = `${model}:${tag}`;
  if (host !== REGISTRY) return `${host}/${namespace}/${short}`;
  return namespace === NAMESPACE ? short : `${namespace}/${short}`;
}
