// The names of the models that are here, where the server can tell.
import { get, place } from "../lib/api.js";
import { useEffect, useState } from "../lib/preact.js";

/** @returns {string[]} none until they are known */
export function useModels() {
  const [names, setNames] = useState(/** @type {string[]} */ ([]));
  useEffect(() => {
    if (place.value === "function") return; // it knows no machine
    let gone = false;
    get("/admin/models").then(
      ({ data }) => !gone && setNames(data.map((/** @type {any} */ one) => one.model)),
      () => {}, // a name can be typed in
    );
    return () => void (gone = true);
  }, []);
  return names;
}
