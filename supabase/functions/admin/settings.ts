/**
 * Settings from the environment: what Supabase puts there itself, and the owner's secrets
 * (`npx supabase@3 secrets set NAME=value`), which have the gateway's names, defaults and checks.
 */

import {
  type Environment,
  type Get,
  prefix,
  reader,
  serviceKey,
  SettingsError,
  url,
} from "../_shared/environment.ts";
import { corsEntry } from "../_shared/origins.ts";
import bounds from "./key_fields.json" with { type: "json" };
import { strip } from "../_shared/text.ts";

const SHORTEST_SECRET = 12; // characters, as in gateway/config/values.py

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

/** Throws SettingsError for the first one that is wrong. */
export function readSettings(environment: Environment): Settings {
  const get = reader(environment);
  return {
    adminSecret: adminSecret(get("ADMIN_SECRET") ?? ""),
    supabaseUrl: url(get),
    serviceKey: serviceKey(get),
    apiKeyPrefix: prefix(get),
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
  const secret = strip(text); // a header does not carry the blanks at its ends
  if (text === "" || secret.length >= SHORTEST_SECRET) return secret;
  throw new SettingsError(`ADMIN_SECRET should have ${SHORTEST_SECRET} characters or more.`);
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
