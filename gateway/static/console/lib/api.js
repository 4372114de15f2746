// The owner's session: where requests go, and the secret that goes with them, kept for this tab.
import { client } from "./http.js";
import { computed, signal } from "./preact.js";

export { ApiError } from "./http.js";

const SECRET = "localllm.secret";
const PLACE = "localllm.place";

/** The address of the Supabase function `admin`, where this gateway is set up with one; or "". */
export const functionAddress =
  document.querySelector('meta[name="function"]')?.getAttribute("content") ?? "";

/** @type {"gateway" | "function"} */
const kept = sessionStorage.getItem(PLACE) === "function" && functionAddress
  ? "function"
  : "gateway";
const secret = signal(sessionStorage.getItem(SECRET) ?? "");

/** Which server is asked: this gateway, or the function on Supabase. */
export const place = signal(kept);
export const signedIn = computed(() => secret.value !== "");

/** Why the last session ended, to be shown where one logs in. */
export const farewell = signal("");

const asked = client(() => access(place.value, secret.value));

/** @param {"gateway" | "function"} at @param {string} shown */
function access(at, shown) {
  // Headers are bytes: what is not Latin-1 goes as UTF-8, as the server reads it.
  const bytes = new TextEncoder().encode(shown);
  const header = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const base = at === "function" ? functionAddress : "/admin";
  return { base, headers: { "x-admin-secret": header } };
}

/** @param {string} path such as `/admin/status`; the function has the same below its own address */
const below = (path) => path.replace(/^\/admin(?=\/)/, "");

/** @template T @param {Promise<T>} answer @returns {Promise<T>} */
async function watched(answer) {
  const shown = secret.value;
  try {
    return await answer;
  } catch (problem) {
    const refused = /** @type {any} */ (problem)?.code === "invalid_admin_secret";
    if (refused && secret.value === shown) { // else somebody has logged in meanwhile
      signOut("The secret is not accepted any more. Log in again.");
    }
    throw problem;
  }
}

/** @param {string} path @returns {Promise<any>} */
export const get = (path) => watched(asked.get(below(path)));

/** @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
export const send = (method, path, body) => watched(asked.send(method, below(path), body));

/**
 * @param {string} path
 * @param {(event: import("./http.js").ServerEvent) => void} onEvent
 * @param {import("./http.js").StreamOptions} [options]
 */
export const stream = (path, onEvent, options) =>
  watched(asked.stream(below(path), onEvent, options));

/**
 * Every row of a list that comes in pages.
 * @param {string} path without a query
 * @returns {Promise<any[]>}
 */
export async function all(path) {
  /** @type {any[]} */
  const rows = [];
  /** @type {string | null} */
  let cursor = null;
  do {
    const query = new URLSearchParams({ limit: "1000", ...(cursor ? { cursor } : {}) });
    const page = await get(`${path}?${query}`);
    rows.push(...page.data);
    cursor = page.next ?? null;
  } while (cursor);
  return rows;
}

/**
 * Try the secret, and keep it for this tab if it is accepted.
 * @param {"gateway" | "function"} at
 * @param {string} shown
 */
export async function signIn(at, shown) {
  await client(() => access(at, shown)).get("/api-keys?limit=1");
  sessionStorage.setItem(SECRET, shown);
  sessionStorage.setItem(PLACE, at);
  place.value = at;
  farewell.value = "";
  secret.value = shown;
}

/** @param {string} [why] */
export function signOut(why = "") {
  sessionStorage.removeItem(SECRET);
  farewell.value = why;
  secret.value = "";
}
