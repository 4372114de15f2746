import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { SettingsError } from "../_shared/environment.ts";
import { readSettings } from "./settings.ts";

const SUPABASE = { SUPABASE_URL: "https://ref.supabase.co", SUPABASE_SERVICE_ROLE_KEY: "key" };

function read(environment: Record<string, string>) {
  return readSettings((name) => ({ ...SUPABASE, ...environment })[name]);
}

Deno.test("users get tokens only where the owner says so", () => {
  const settings = read({ TURNSTILE_SECRET: " secret " });
  deepStrictEqual([settings.turnstileSecret, settings.takesUsers], ["secret", false]);
  const other = read({ VISITOR_USERS: "True" });
  deepStrictEqual([other.turnstileSecret, other.takesUsers], [null, true]);
});

Deno.test("a token has the prefix of keys, cut as the gateway cuts it", () => {
  strictEqual(read({ VISITOR_USERS: "true" }).tokenPrefix, "llm-visitor");
  const long = { VISITOR_USERS: "true", API_KEY_PREFIX: "my-Long-Prefix" };
  strictEqual(read(long).tokenPrefix, "my-Long--visitor");
});

Deno.test("a function that could check nobody does not work", () => {
  const none: Record<string, string> = {};
  for (const wrong of [none, { VISITOR_USERS: "false" }, { VISITOR_USERS: "yes" }]) {
    throws(() => read(wrong), (problem) => {
      ok(problem instanceof SettingsError);
      return / should be true/.test(problem.message);
    });
  }
});
