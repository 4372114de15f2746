// Which page is shown: the part of the address behind #.
import { signal } from "./preact.js";

/** @typedef {{page: string, rest: string[], query: URLSearchParams}} Route */

/** `#/keys/ID?x=1` is {page: "keys", rest: ["ID"], query}. @returns {Route} */
function read() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [page = "", ...rest] = path.split("/").map(decoded);
  return { page, rest, query: new URLSearchParams(query) };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = signal(read());
addEventListener("hashchange", () => route.value = read());

/** @param {string[]} parts @returns {string} such as `#/keys/ID` */
export const href = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;

/** @param {string[]} parts */
export const go = (...parts) => {
  location.hash = href(...parts);
};
