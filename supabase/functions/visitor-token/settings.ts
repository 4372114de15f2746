/** Settings from the environment: what Supabase puts there itself, and the owner's secrets. */

import {
  type Environment,
  prefix,
  reader,
  serviceKey,
  SettingsError,
  url,
} from "../_shared/environment.ts";

/** Of one visitor's tokens, beside the prefix of keys: no longer than a key's may be. */
const KIND = "-visitor";
const LONGEST_PREFIX = 16;

export interface Settings {
  supabaseUrl: string;
  serviceKey: string;
  tokenPrefix: string;
  turnstileSecret: string | null; // null: no proof of Turnstile counts
  takesUsers: boolean; // whether the project's logged-in users get tokens
}

/** Throws SettingsError for the first one that is wrong. */
export function readSettings(environment: Environment): Settings {
  const get = reader(environment);
  const settings = {
    supabaseUrl: url(get),
    serviceKey: serviceKey(get),
    tokenPrefix: prefix(get).slice(0, LONGEST_PREFIX - KIND.length) + KIND,
    turnstileSecret: get("TURNSTILE_SECRET")?.trim() ?? null,
    takesUsers: flag("VISITOR_USERS", get("VISITOR_USERS") ?? "false"),
  };
  if (settings.turnstileSecret === null && !settings.takesUsers) {
    throw new SettingsError("TURNSTILE_SECRET should be set, or VISITOR_USERS should be true.");
  }
  return settings;
}

function flag(name: string, text: string): boolean {
  const given = text.trim().toLowerCase();
  if (given === "true" || given === "false") return given === "true";
  throw new SettingsError(`${name} ('${text}') should be true or false.`);
}
