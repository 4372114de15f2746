/** The Supabase Edge Function `admin`: the gateway's /admin routes where no gateway runs. */

import { SettingsError } from "../_shared/environment.ts";
import { type Handler, makeBroken } from "../_shared/replies.ts";
import { connect } from "../_shared/store.ts";
import { makeHandler } from "./handler.ts";
import { readSettings } from "./settings.ts";

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
