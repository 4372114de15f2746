import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { SettingsError } from "../_shared/environment.ts";
import { readSettings } from "./settings.ts";

const SUPABASE = {
  SUPABASE_URL: "https://ref.supabase.co",
  SUPABASE_SERVICE_ROLE_KEY: "eyJ.old.key",
};

function read(environment: Record<string, string>) {
  return readSettings((name) => ({ ...SUPABASE, ...environment })[name]);
}

Deno.test("the defaults are the gateway's, and nobody is let in without a secret", () => {
  deepStrictEqual(read({}), {
    adminSecret: "",
    supabaseUrl: "https://ref.supabase.co",
    serviceKey: "eyJ.old.key",
    apiKeyPrefix: "llm",
    defaultRateLimit: 20,
    defaultTokenLimit: 1_000_000,
    corsOrigins: [],
  });
});

Deno.test("what is set counts, what is empty is as good as unset", () => {
  const settings = read({
    ADMIN_SECRET: "a secret of the owner",
    API_KEY_PREFIX: "My-App",
    DEFAULT_RATE_LIMIT_PER_MIN: " 7 ",
    DEFAULT_MONTHLY_TOKEN_LIMIT: "0",
    ADMIN_CORS_ORIGINS: '["https://a.example", "https://b.example"]',
    SUPABASE_URL: "http://127.0.0.1:54321/",
  });
  strictEqual(settings.adminSecret, "a secret of the owner");
  strictEqual(settings.apiKeyPrefix, "My-App");
  strictEqual(settings.defaultRateLimit, 7);
  strictEqual(settings.defaultTokenLimit, 0);
  deepStrictEqual(settings.corsOrigins, ["https://a.example", "https://b.example"]);
  strictEqual(settings.supabaseUrl, "http://127.0.0.1:54321");
  deepStrictEqual(
    read({ API_KEY_PREFIX: " ", ADMIN_CORS_ORIGINS: "", ADMIN_SECRET: "  " }),
    read({}),
  );
});

Deno.test("blanks at the ends of the admin secret do not lock its owner out", () => {
  strictEqual(
    read({ ADMIN_SECRET: " a secret of the owner \t" }).adminSecret,
    "a secret of the owner",
  );
});

Deno.test("a short admin secret is refused, and not shown", () => {
  throws(() => read({ ADMIN_SECRET: "hush-hush" }), (problem: Error) => {
    ok(problem instanceof SettingsError);
    ok(problem.message.startsWith("ADMIN_SECRET should have 12 characters"), problem.message);
    return !problem.message.includes("hush");
  });
});

Deno.test("a new secret key is taken before the old one, the default before others", () => {
  const key = (keys: string) => read({ SUPABASE_SECRET_KEYS: keys }).serviceKey;
  strictEqual(key('{"other":"sb_secret_o","default":"sb_secret_d"}'), "sb_secret_d");
  strictEqual(key('{"other":"sb_secret_o"}'), "sb_secret_o");
  for (const keys of ["{}", "null", "[]", "no JSON", '{"default":7}', '{"default":""}']) {
    strictEqual(key(keys), "eyJ.old.key", keys);
  }
});

Deno.test("a setting that cannot be used names itself, and no secret", () => {
  const wrong: Record<string, string[]> = {
    SUPABASE_URL: ["", "ref.supabase.co", "file:///x"],
    API_KEY_PREFIX: ["9", "a_b", "ü", "x".repeat(17)],
    DEFAULT_RATE_LIMIT_PER_MIN: ["0", "1000001", "x", "1.5", "1e3", "0x10", "1_000"],
    DEFAULT_MONTHLY_TOKEN_LIMIT: ["-1", "9999999999999", "NaN"],
    ADMIN_CORS_ORIGINS: ["example.com", "https://a.example/x", "https://a.example,,"],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      throws(() => read({ [name]: value }), (problem: Error) => {
        ok(problem instanceof SettingsError, value);
        ok(problem.message.startsWith(`${name} ('${value}') should be `), problem.message);
        return true;
      });
    }
  }
  const none = { SUPABASE_SERVICE_ROLE_KEY: "", SUPABASE_SECRET_KEYS: '{"default":["leak"]}' };
  throws(() => read(none), (problem: Error) => {
    ok(problem.message.startsWith("Neither SUPABASE_SECRET_KEYS nor"));
    return !problem.message.includes("leak");
  });
});
