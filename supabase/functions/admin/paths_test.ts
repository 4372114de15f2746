import { strictEqual } from "node:assert";
import { pathOf } from "./paths.ts";

Deno.test("a path is read without its host, query and escapes", () => {
  for (
    const [url, path] of [
      ["http://x/admin/usage", "/admin/usage"],
      ["http://x:8000/admin/usage?from=/../#x", "/admin/usage"],
      ["https://ref.supabase.co/admin/api-keys/", "/admin/api-keys/"],
      ["http://x/admin/a%20b%C3%A9%ff%zz%", "/admin/a bé\ufffd%zz%"],
      ["http://x", ""],
    ]
  ) strictEqual(pathOf(url), path);
});

Deno.test("a path that some parser might read otherwise is none", () => {
  for (
    const path of [
      ..."//|/admin//usage|/admin/../usage|/admin/./usage|/admin/..|/admin/.".split("|"),
      ..."/admin%2fusage|/admin/%2e%2e/usage|/a%5Cb|/a\\b|/a%00|/a%0a|/a%7f|/%c2%85".split("|"),
    ]
  ) strictEqual(pathOf(`http://x${path}`), null, path);
});
