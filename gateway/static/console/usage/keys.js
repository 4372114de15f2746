// The owner's keys, to call them by their names.
import { all } from "../lib/api.js";
import { useEffect, useState } from "../lib/preact.js";

/** @typedef {Record<string, any>} Key as GET /admin/api-keys tells it */

/** All of them; null until they are here. @returns {Key[] | null} */
export function useKeys() {
  const [keys, setKeys] = useState(/** @type {Key[] | null} */ (null));
  useEffect(() => {
    let gone = false;
    all("/admin/api-keys").then((found) => !gone && setKeys(found), () => !gone && setKeys([]));
    return () => void (gone = true);
  }, []);
  return keys;
}

/** Its name, and what tells it from others of that name. @param {Key} key */
export const called = ({ label, prefix }) => `${label} (${prefix}…)`;

/**
 * @param {Key[]} keys
 * @param {string} id
 */
export function nameOf(keys, id) {
  const found = keys.find((one) => one.id === id);
  return found ? called(found) : id;
}

/** For a choice of one of them, or none. @param {Key[] | null} keys @param {string} none */
export const choices = (keys, none) => [
  { value: "", label: none },
  ...(keys ?? []).map((one) => ({ value: String(one.id), label: called(one) })),
];
