import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert";
import { makeBroken } from "../_shared/replies.ts";
import { makeHandler } from "./handler.ts";
import { isWellFormed } from "../_shared/keys.ts";
import { readSettings } from "./settings.ts";
import { type Arguments, type Row, type Store, StoreUnavailable } from "../_shared/store.ts";

const ENVIRONMENT: Record<string, string> = {
  ADMIN_SECRET: "right and long",
  SUPABASE_URL: "http://127.0.0.1",
  SUPABASE_SERVICE_ROLE_KEY: "key",
};
const USAGE = new Request("http://x/admin/usage", {
  headers: { "x-admin-secret": "right and long" },
});
const ID = "0123abcd-4567-89ab-cdef-0123456789ab";

/** The function before a database that lets everyone in and answers with `row`. */
function made(row: Row = {}, more: Record<string, string> = {}) {
  const calls: [string, Arguments][] = [];
  const store: Store = (name, values) => {
    calls.push([name, values]);
    return Promise.resolve(name === "admin_login" ? { allowed: values.p_matched } : row);
  };
  const settings = readSettings((name) => ({ ...ENVIRONMENT, ...more })[name]);
  const handler = makeHandler(settings, store);
  const ask = (line: string, body?: unknown, headers: Record<string, string> = {}) => {
    const [method, path] = line.split(" ");
    return handler(
      new Request(`http://x${path}`, {
        method,
        body: body === undefined ? undefined : JSON.stringify(body),
        headers: { "x-admin-secret": "right and long", ...headers },
      }),
    );
  };
  return { ask, calls };
}

/** What goes to the error log meanwhile, instead of there. */
async function logged<T>(act: () => Promise<T>): Promise<[T, string]> {
  const { error } = console;
  const lines: string[] = [];
  console.error = (...words: unknown[]) => lines.push(words.map(String).join(" "));
  try {
    return [await act(), lines.join("\n")];
  } finally {
    console.error = error;
  }
}

Deno.test("a key is made here: the database gets its hash, the owner the key, once", async () => {
  const { ask, calls } = made({ id: ID, label: "x" });
  const answer = await ask("POST /admin/api-keys", { label: "x" });
  strictEqual(answer.status, 201);
  const { key, ...rest } = await answer.json();
  ok(isWellFormed(key));
  deepStrictEqual(rest, {
    id: ID,
    label: "x",
    message: "Save this key — it will not be shown again.",
  });
  const [name, values] = calls[1];
  strictEqual(name, "create_api_key");
  match(values.p_key_hash as string, /^[0-9a-f]{64}$/);
  ok(!JSON.stringify(calls).includes(key));
  strictEqual(values.p_rate_limit_per_min, 20);
});

Deno.test("a key that would have ended before it is made is refused, an old one may end", async () => {
  const { ask, calls } = made();
  const refused = await ask("POST /admin/api-keys", { label: "x", expires_at: "2001-01-01" });
  strictEqual(refused.status, 400);
  strictEqual((await refused.json()).error.message, "expires_at lies in the past.");
  strictEqual((await ask(`PATCH /admin/api-keys/${ID}`, { expires_at: "2001-01-01" })).status, 200);
  deepStrictEqual(calls.at(-1), [
    "update_api_key",
    { p_id: ID, p_changes: { expires_at: "2001-01-01T00:00:00+00:00" } },
  ]);
});

Deno.test("a wrong secret is refused before the body is read or the id is looked at", async () => {
  const { ask, calls } = made();
  const answer = await ask("PATCH /admin/api-keys/x", { bad: 1 }, { "x-admin-secret": "wrong" });
  strictEqual(answer.status, 401);
  strictEqual(answer.headers.get("x-should-retry"), "false");
  deepStrictEqual(calls.map(([name]) => name), ["admin_login"]);
});

Deno.test("HEAD says what GET says, without its body", async () => {
  const { ask } = made({ data: [], next: null });
  for (const path of ["/admin/api-keys", "/admin/usage", "/admin/nothing"]) {
    const [head, got] = [await ask(`HEAD ${path}`), await ask(`GET ${path}`)];
    strictEqual(head.status, got.status);
    strictEqual(head.headers.get("content-type"), "application/json");
    strictEqual(await head.text(), "");
  }
  strictEqual(
    (await ask(`HEAD /admin/api-keys/${ID}`)).headers.get("allow"),
    "DELETE, OPTIONS, PATCH",
  );
});

Deno.test("what is no route costs no log-in; another method is named", async () => {
  const { ask, calls } = made();
  strictEqual((await ask("GET /admin/nothing")).status, 404);
  strictEqual((await ask("GET /functions/v1/admin/api-keys")).status, 404);
  const answer = await ask("PUT /admin/api-keys", {});
  strictEqual(answer.status, 405);
  strictEqual(answer.headers.get("allow"), "GET, HEAD, OPTIONS, POST");
  strictEqual((await ask("toString /admin/usage")).status, 405);
  deepStrictEqual(calls, []);
});

Deno.test("a database that is away is a 503 that says when, and the log says why", async () => {
  const settings = readSettings((name) => ENVIRONMENT[name]);
  const handler = makeHandler(settings, () => Promise.reject(new StoreUnavailable("why")));
  const [answer, log] = await logged(() => handler(USAGE.clone()));
  strictEqual(answer.status, 503);
  strictEqual(answer.headers.get("retry-after"), "5");
  strictEqual((await answer.json()).error.code, "server_is_overloaded");
  strictEqual(log, "why");
});

Deno.test("what fails inside is a 500 that tells nothing", async () => {
  const settings = readSettings((name) => ENVIRONMENT[name]);
  const handler = makeHandler(settings, () => Promise.reject(new Error("inner detail")));
  const [answer, log] = await logged(() => handler(USAGE.clone()));
  strictEqual(answer.status, 500);
  ok(!(await answer.text()).includes("inner detail"));
  ok(log.includes("inner detail"));
});

Deno.test("a wrong setting is a 500 for everyone, and named in the log", async () => {
  const handler = makeBroken("API_KEY_PREFIX is wrong.");
  const [answer, log] = await logged(() => handler(new Request("http://x/admin/usage")));
  strictEqual(answer.status, 500);
  strictEqual((await answer.json()).error.code, "internal_error");
  ok(log.includes("API_KEY_PREFIX is wrong."));
});

Deno.test("every answer has an id of its own and is kept by no cache", async () => {
  const { ask } = made();
  const [first, second] = [await ask("GET /admin/usage"), await ask("GET /admin/nothing")];
  for (const answer of [first, second]) {
    match(answer.headers.get("x-request-id")!, /^[0-9a-f-]{36}$/);
    strictEqual(answer.headers.get("cache-control"), "no-store");
    strictEqual(answer.headers.get("x-content-type-options"), "nosniff");
  }
  notStrictEqual(first.headers.get("x-request-id"), second.headers.get("x-request-id"));
});

Deno.test("a listed website may call, another may not and learns nothing", async () => {
  const { ask, calls } = made({}, { ADMIN_CORS_ORIGINS: "https://A.example,moz-extension://*" });
  const extension = await ask("GET /admin/usage", undefined, { origin: "moz-extension://b-1" });
  strictEqual(extension.headers.get("access-control-allow-origin"), "moz-extension://b-1");
  const good = await ask("GET /admin/usage", undefined, { origin: "https://a.example" });
  strictEqual(good.status, 200);
  strictEqual(good.headers.get("access-control-allow-origin"), "https://a.example");
  calls.length = 0;
  const bad = await ask("GET /admin/usage", undefined, { origin: "https://b.example" });
  strictEqual(bad.status, 403);
  strictEqual(bad.headers.get("access-control-allow-origin"), null);
  strictEqual(bad.headers.get("vary"), "Origin");
  deepStrictEqual(calls, []);
});

Deno.test("an origin that is longer than any has may not call, whatever is allowed", async () => {
  const { ask } = made({}, { ADMIN_CORS_ORIGINS: "*" });
  const origin = (length: number) => ({ origin: `https://${"a".repeat(length - 8)}` });
  strictEqual((await ask("GET /admin/usage", undefined, origin(300))).status, 200);
  strictEqual((await ask("GET /admin/usage", undefined, origin(301))).status, 403);
});

Deno.test("a preflight is told the headers that it asked for, without a log-in", async () => {
  const { ask, calls } = made({}, { ADMIN_CORS_ORIGINS: "https://a.example" });
  const answer = await ask("OPTIONS /admin/api-keys", undefined, {
    origin: "https://a.example",
    "access-control-request-headers": "x-admin-secret,content-type",
  });
  strictEqual(answer.status, 204);
  strictEqual(answer.headers.get("access-control-allow-origin"), "https://a.example");
  strictEqual(answer.headers.get("access-control-allow-headers"), "x-admin-secret,content-type");
  strictEqual(
    answer.headers.get("access-control-allow-methods"),
    "GET, POST, PATCH, DELETE, OPTIONS",
  );
  deepStrictEqual(calls, []);
});

Deno.test("more than 32 KiB of headers are refused", async () => {
  const { ask, calls } = made();
  strictEqual((await ask("GET /admin/usage", undefined, { x: "y".repeat(33_000) })).status, 431);
  deepStrictEqual(calls, []);
});
