/** The Supabase Edge Function `admin`: the gateway's /admin routes where no gateway runs. */

import { type Handler, makeBroken, makeHandler } from "./handler.ts";
import { readSettings, SettingsError } from "./settings.ts";
import { connect } from "./store.ts";

function start(): Handler {
  try {
    const settings = readSettings((name) => Deno.env.get(name));
    return makeHandler(settings, connect(settings));
  } catch (problem) {
    if (problem instanceof SettingsError) return makeBroken(problem.message);
    throw problem;
  }
}

const handler = start();
Deno.serve((request, info) => handler(request, (info?.remoteAddr as Deno.NetAddr)?.hostname));
