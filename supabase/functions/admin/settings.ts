/**
 * Settings from the environment: what Supabase puts there itself, and the owner's secrets
 * (`npx supabase@3 secrets set NAME=value`), which have the gateway's names, defaults and checks.
 */

import bounds from "./key_fields.json" with { type: "json" };
import { PREFIX_SHAPE } from "./keys.ts";
import { corsEntry } from "./origins.ts";

const SHORTEST_SECRET = 12; // characters, as in gateway/config/values.py

/** A setting that cannot be used; the text is for the owner and shows no secret. */
export class SettingsError extends Error {}

export interface Settings {
  adminSecret: string; // empty: nobody is let in
  supabaseUrl: string;
  serviceKey: string;
  apiKeyPrefix: string;
  defaultRateLimit: number;
  defaultTokenLimit: number;
  /** Websites whose pages may call. By default none: a page that guesses would lock its reader out. */
  corsOrigins: string[];
}

type Environment = (name: string) => string | undefined;

/** Throws SettingsError for the first one that is wrong. */
export function readSettings(environment: Environment): Settings {
  // Unset and empty are the same: a copied .env.example changes nothing.
  const get = (name: string) => environment(name)?.trim() ? environment(name)! : null;
  return {
    adminSecret: adminSecret(get("ADMIN_SECRET") ?? ""),
    supabaseUrl: url(get),
    serviceKey: serviceKey(get),
    apiKeyPrefix: prefix(get("API_KEY_PREFIX") ?? "llm"),
    defaultRateLimit: integer(get, "DEFAULT_RATE_LIMIT_PER_MIN", 20, bounds.rate_limit_per_min),
    defaultTokenLimit: integer(
      get,
      "DEFAULT_MONTHLY_TOKEN_LIMIT",
      1_000_000,
      bounds.monthly_token_limit,
    ),
    corsOrigins: origins(get("ADMIN_CORS_ORIGINS")),
  };
}

function adminSecret(text: string): string {
  if (text === "" || text.trim().length >= SHORTEST_SECRET) return text;
  throw new SettingsError(`ADMIN_SECRET should have ${SHORTEST_SECRET} characters or more.`);
}

type Get = (name: string) => string | null;

function url(get: Get): string {
  const text = get("SUPABASE_URL") ?? "";
  const parsed = URL.parse(text);
  if (!parsed || !["http:", "https:"].includes(parsed.protocol)) {
    throw new SettingsError(`SUPABASE_URL ('${text}') should be an address: Supabase sets it.`);
  }
  return text.trim().replace(/\/+$/, "");
}

/** A project may have switched its old keys off, so the new ones come first where there are any. */
function serviceKey(get: Get): string {
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

function prefix(text: string): string {
  if (PREFIX_SHAPE.test(text)) return text;
  throw new SettingsError(
    `API_KEY_PREFIX ('${text}') should be 1 to 16 letters, digits or '-', a letter first.`,
  );
}

function integer(
  get: Get,
  name: string,
  otherwise: number,
  { minimum, maximum }: { minimum: number; maximum: number },
): number {
  const text = get(name);
  if (text === null) return otherwise;
  const value = /^[+-]?[0-9]{1,12}$/.test(text.trim()) ? Number(text) : NaN;
  if (value >= minimum && value <= maximum) return value;
  const wanted = Number.isNaN(value) ? "a whole number" : `between ${minimum} and ${maximum}`;
  throw new SettingsError(`${name} ('${text}') should be ${wanted}.`);
}

function origins(text: string | null): string[] {
  if (text === null) return [];
  const items = text.replace(/^[[\] ]+|[[\] ]+$/g, "").split(",")
    .map((item) => item.trim().replace(/^["']+|["']+$/g, ""));
  if (items.includes("")) {
    const should = 'should be "*" or a list such as https://a.example,https://b.example';
    throw new SettingsError(`ADMIN_CORS_ORIGINS ('${text}') ${should}.`);
  }
  try {
    return [...new Set(items.map(corsEntry))];
  } catch (problem) {
    throw new SettingsError(`ADMIN_CORS_ORIGINS ('${text}') ${(problem as Error).message}.`);
  }
}
