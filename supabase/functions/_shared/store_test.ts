import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import { connect, StoreUnavailable } from "./store.ts";

/** A project that answers so, and what it has been asked. */
function project(answer: () => Response, key = "sb_secret_x") {
  const asked: Request[] = [];
  const store = connect({ supabaseUrl: "http://x", serviceKey: key }, (input, init) => {
    asked.push(new Request(input, init));
    return new Promise((resolve) => resolve(answer()));
  });
  return { store, asked };
}

function problem(status: number, code: string, message = "m", details = "secret detail") {
  return () => Response.json({ code, message, details, hint: null }, { status });
}

Deno.test("a function is called by name with JSON, and its JSON comes back", async () => {
  const { store, asked } = project(() => Response.json({ data: [], next: null }));
  deepStrictEqual(await store("list_api_keys", { p_cursor: null, p_limit: 5 }), {
    data: [],
    next: null,
  });
  strictEqual(asked[0].url, "http://x/rest/v1/rpc/list_api_keys");
  strictEqual(asked[0].method, "POST");
  deepStrictEqual(await asked[0].json(), { p_cursor: null, p_limit: 5 });
});

Deno.test("a new key is no token; an old one is", async () => {
  for (const [key, token] of [["sb_secret_x", null], ["e.y.J", "Bearer e.y.J"]]) {
    const { store, asked } = project(() => Response.json({}), key!);
    await store("x", {});
    strictEqual(asked[0].headers.get("apikey"), key);
    strictEqual(asked[0].headers.get("authorization"), token);
  }
});

Deno.test("each failure is named for the owner, without what was sent, and asked once", async () => {
  const cases: [() => Response, RegExp][] = [
    [problem(404, "PGRST202"), /no function f .*run `npx supabase@3 db push --remote`/],
    [problem(401, "PGRST301"), /refuses the service key \(401\)/],
    [problem(403, "42501"), /refuses the service key \(403\)/],
    [() => Response.json({ message: "Project paused" }, { status: 540 }), /paused/],
    [problem(500, "40P01"), /status 500, 40P01/],
    [problem(503, "PGRST000"), /status 503, PGRST000/],
    [() => new Response("<html>", { status: 502 }), /status 502/],
    [() => new Response("<html>"), /f could not be asked/],
    [() => new Response(""), /no JSON object/],
    [() => Response.json([]), /no JSON object/],
    [() => Response.json(null), /no JSON object/],
    [() => {
      throw new TypeError("secret detail");
    }, /no connection/],
  ];
  for (const [answer, words] of cases) {
    const { store, asked } = project(answer);
    await rejects(store("f", {}), (failure: Error) => {
      strictEqual(failure instanceof StoreUnavailable, true);
      strictEqual(words.test(failure.message), true, failure.message);
      return !/secret detail|sb_secret/.test(failure.message);
    });
    strictEqual(asked.length, 1);
  }
});
