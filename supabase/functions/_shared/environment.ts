/**
 * What the functions read alike from the environment: what Supabase puts there itself, and the
 * prefix of keys.
 */

import { PREFIX_SHAPE } from "./keys.ts";

/** A setting that cannot be used; the text is for the owner and shows no secret. */
export class SettingsError extends Error {}

export type Environment = (name: string) => string | undefined;
export type Get = (name: string) => string | null; // null: it is not set

/** Unset and empty are the same: a copied .env.example changes nothing. */
export function reader(environment: Environment): Get {
  return (name) => environment(name)?.trim() ? environment(name)! : null;
}

export function url(get: Get): string {
  const text = get("SUPABASE_URL") ?? "";
  const parsed = URL.parse(text);
  if (!parsed || !["http:", "https:"].includes(parsed.protocol)) {
    throw new SettingsError(`SUPABASE_URL ('${text}') should be an address: Supabase sets it.`);
  }
  return text.trim().replace(/\/+$/, "");
}

/** A project may have switched its old keys off, so the new ones come first where there are any. */
export function serviceKey(get: Get): string {
  const named = get("SUPABASE_SECRET_KEYS");
  const found = (named && keyAmong(named)) ?? get("SUPABASE_SERVICE_ROLE_KEY");
  if (found) return found;
  throw new SettingsError(
    "Neither SUPABASE_SECRET_KEYS nor SUPABASE_SERVICE_ROLE_KEY holds a key: Supabase sets them.",
  );
}

/** From a JSON object of named keys: the one called default, else the first. */
function keyAmong(text: string): string | null {
  let keys: unknown;
  try {
    keys = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof keys !== "object" || keys === null) return null;
  const named = new Map<string, unknown>(Object.entries(keys));
  const found = [named.get("default"), ...named.values()].find((key) =>
    key && typeof key === "string"
  );
  return found as string ?? null;
}

export function prefix(get: Get): string {
  const text = get("API_KEY_PREFIX") ?? "llm";
  if (PREFIX_SHAPE.test(text)) return text;
  throw new SettingsError(
    `API_KEY_PREFIX ('${text}') should be 1 to 16 letters, digits or '-', a letter first.`,
  );
}
