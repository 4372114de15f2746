// A key for trying things: it may do what another key may, for an hour at most.
import { send } from "../lib/api.js";

/** @typedef {import("../usage/keys.js").Key} Key */

const HOUR = 3_600_000;
// Websites and visitors are left out: this page is no page of theirs.
const COPIED = [
  ...["rate_limit_per_min", "monthly_token_limit", "max_output_tokens"],
  ...["allowed_models", "scopes"],
];

/**
 * Made when it is first asked for; `end` revokes it. Leaving the page does so, too.
 *
 * @param {string} name of what is tried
 * @param {Record<string, unknown>} fields
 */
export function lane(name, fields) {
  /** @type {Promise<{id: string, key: string}> | null} */
  let made = null;

  function end() {
    removeEventListener("pagehide", end);
    const ended = made;
    made = null;
    ended?.then(({ id }) => send("DELETE", `/admin/api-keys/${id}`)).catch(() => {});
  }

  return {
    /** @returns {Promise<string>} */
    async key() {
      if (!made) {
        addEventListener("pagehide", end);
        const label = [...`playground: ${name}`].slice(0, 100).join("");
        const expires_at = new Date(Date.now() + HOUR).toISOString();
        made = send("POST", "/admin/api-keys", { ...fields, label, expires_at });
        made.catch(() => made = null); // another try makes another
      }
      return (await made).key;
    },
    end,
  };
}

/** What a key may do, for one that may do the same. @param {Key} key */
export const copied = (key) => Object.fromEntries(COPIED.map((name) => [name, key[name]]));
