/** The key database: Postgres functions behind Supabase's Data API, called by name. */

import { PostgrestClient } from "@supabase/postgrest-js";

export type Row = Record<string, unknown>;
export type Arguments = Record<string, unknown>;

/** Calls a function of `sql/functions`; its JSON comes back. Throws StoreUnavailable. */
export type Store = (name: string, values: Arguments) => Promise<Row>;

/** The database could not be reached or could not answer. The text is for the owner's log. */
export class StoreUnavailable extends Error {}

export interface Project {
  supabaseUrl: string;
  serviceKey: string;
}

const CALL_TIMEOUT = 10_000; // ms

export function connect(project: Project, ask: typeof fetch = fetch): Store {
  const client = new PostgrestClient(`${project.supabaseUrl}/rest/v1`, {
    headers: keyHeaders(project.serviceKey),
    fetch: ask,
    retry: false,
  });
  return async (name, values) => {
    const { data, error, status } = await client.rpc(name, values)
      .abortSignal(AbortSignal.timeout(CALL_TIMEOUT));
    if (error) throw new StoreUnavailable(explain(name, status, error.code, error.message));
    if (typeof data === "object" && data !== null && !Array.isArray(data)) return data as Row;
    throw new StoreUnavailable(`${name} gave no JSON object: is SUPABASE_URL right?`);
  };
}

/** A new key (`sb_secret_…`) is no token: only the old kind also goes into Authorization. */
function keyHeaders(key: string): Record<string, string> {
  return key.startsWith("sb_") ? { apikey: key } : { apikey: key, Authorization: `Bearer ${key}` };
}

/** What the owner can do about it. Details are left out: they may quote what was sent. */
function explain(name: string, status: number, code: string, message: string): string {
  if (code === "PGRST202") {
    const remedy = "run `npx supabase@3 db push --remote`";
    return `The database has no function ${name} with these arguments: ${remedy}.`;
  }
  if (status === 401 || status === 403) {
    return `Supabase refuses the service key (${status}): see Project Settings, API Keys.`;
  }
  if (status === 540) return "The Supabase project is paused: restore it in the dashboard.";
  const shown = status ? `status ${status}, ${code || message.slice(0, 200)}` : "no connection";
  return `${name} could not be asked: ${shown}.`;
}
