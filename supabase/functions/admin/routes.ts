/** The routes: path and method to what is done, once the owner has logged in. */

import { createKey, listKeys, revokeKey, rotateKey, updateKey } from "./administration.ts";
import { readBody } from "./body.ts";
import { Refusal } from "../_shared/errors.ts";
import type { Answer } from "../_shared/replies.ts";
import { createPreset, deletePreset, getPreset, listPresets, updatePreset } from "./presets.ts";
import { getRequest, listRequests } from "./requests.ts";
import type { Settings } from "./settings.ts";
import {
  CREATE,
  type Given,
  PRESET_CREATE,
  PRESET_UPDATE,
  ROTATE,
  type Shape,
  UPDATE,
} from "./shapes.ts";
import type { Store } from "../_shared/store.ts";
import { usage } from "./usage.ts";

/** One request with what it needs. `id`: of the key, or the name of the preset, in its path. */
export interface Call {
  request: Request;
  query: URLSearchParams;
  id: string;
  settings: Settings;
  store: Store;
}

export interface Route {
  status: number;
  run: (call: Call) => Promise<Answer>;
}

/** What only a gateway can answer. */
const MACHINES: Route = {
  status: 404,
  run: () => Promise.resolve(new Refusal("needs_the_machine")),
};

const ROUTES: [RegExp, Record<string, Route>][] = [
  [/^\/admin\/api-keys\/?$/, {
    GET: { status: 200, run: list },
    POST: { status: 201, run: create },
  }],
  [/^\/admin\/api-keys\/(?<id>[^/]+)\/?$/, {
    DELETE: { status: 200, run: revoke },
    PATCH: { status: 200, run: update },
  }],
  [/^\/admin\/api-keys\/(?<id>[^/]+)\/rotate\/?$/, { POST: { status: 200, run: rotate } }],
  [/^\/admin\/presets\/?$/, {
    GET: { status: 200, run: ({ store }) => listPresets(store) },
    POST: { status: 201, run: makePreset },
  }],
  [/^\/admin\/presets\/(?<id>[^/]+)\/?$/, {
    DELETE: { status: 200, run: ({ store, id }) => deletePreset(store, id) },
    GET: {
      status: 200,
      run: ({ store, id, query }) => getPreset(store, id, query.get("version")),
    },
    PATCH: { status: 200, run: changePreset },
  }],
  [/^\/admin\/usage\/?$/, { GET: { status: 200, run: report } }],
  [/^\/admin\/requests\/?$/, {
    GET: { status: 200, run: ({ store, query }) => listRequests(store, query) },
  }],
  [/^\/admin\/requests\/(?<id>[^/]+)\/?$/, {
    GET: { status: 200, run: ({ store, id }) => getRequest(store, id) },
  }],
  [/^\/admin\/requests\/[^/]+\/cancel\/?$/, { POST: MACHINES }],
  [/^\/admin\/(status|events|refusals|models)\/?$/, { GET: MACHINES }],
  [/^\/admin\/(models\/(pull|load|unload)|doctor)\/?$/, { POST: MACHINES }],
];

/** The route and the id in its path; or the methods that the path does have, none: no such path. */
export function find(method: string, path: string): { route: Route; id: string } | string[] {
  for (const [pattern, methods] of ROUTES) {
    const found = pattern.exec(path);
    if (!found) continue;
    const served = method === "HEAD" ? "GET" : method;
    if (Object.hasOwn(methods, served)) {
      return { route: methods[served], id: found.groups?.id ?? "" };
    }
    const heads = "GET" in methods ? ["HEAD"] : [];
    return [...Object.keys(methods), ...heads, "OPTIONS"].sort();
  }
  return [];
}

function create(call: Call): Promise<Answer> {
  return withBody(call, CREATE, (given) => createKey(call.store, call.settings, given));
}

function update(call: Call): Promise<Answer> {
  return withBody(call, UPDATE, (given) => updateKey(call.store, call.id, given));
}

function rotate(call: Call): Promise<Answer> {
  return withBody(
    call,
    ROTATE,
    ({ grace_seconds }) => rotateKey(call.store, call.settings, call.id, grace_seconds),
  );
}

function revoke(call: Call): Promise<Answer> {
  return revokeKey(call.store, call.id);
}

async function list({ query, store }: Call): Promise<Answer> {
  const limit = query.get("limit") ?? "50";
  if (!/^[0-9]{1,5}$/.test(limit)) {
    return new Refusal("invalid_request", "limit should be a number.", "limit");
  }
  return await listKeys(store, query.get("cursor"), Number(limit));
}

function makePreset(call: Call): Promise<Answer> {
  return withBody(call, PRESET_CREATE, (given) => createPreset(call.store, given));
}

function changePreset(call: Call): Promise<Answer> {
  return withBody(call, PRESET_UPDATE, (given) => updatePreset(call.store, call.id, given));
}

function report({ query, store }: Call): Promise<Answer> {
  return usage(store, query);
}

async function withBody<S extends Shape>(
  call: Call,
  shape: S,
  act: (given: Given<S>) => Promise<Answer>,
): Promise<Answer> {
  const given = await readBody(call.request, shape);
  return given instanceof Refusal ? given : await act(given);
}
