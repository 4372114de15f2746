// Keys: all of them, or one (`#/keys/ID`); new ones are made here.
import { all } from "../lib/api.js";
import { html, useEffect, useState } from "../lib/preact.js";
import { go, route } from "../lib/route.js";
import { Button, Dialog, ErrorBox, Heading, Loading } from "../lib/ui.js";
import { KeyForm } from "./keys/form.js";
import { KeyList } from "./keys/list.js";
import { Made } from "./keys/made.js";
import { OneKey } from "./keys/one.js";

export function Page() {
  const [keys, setKeys] = useState(/** @type {any[] | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState(/** @type {{row: any, first: string} | null} */ (null));

  async function load() {
    setError(null);
    try {
      setKeys(await all("/admin/api-keys"));
    } catch (problem) {
      setError(problem);
    }
  }
  useEffect(() => {
    load();
  }, []);

  /** A key that was made or changed. @param {any} row */
  const put = (row) => {
    const { key: _secret, message: _message, ...kept } = row;
    setKeys((known) => {
      const rows = known ?? [];
      const here = rows.some((one) => one.id === kept.id);
      return here ? rows.map((one) => one.id === kept.id ? kept : one) : [...rows, kept];
    });
  };

  const [id] = route.value.rest;
  const chosen = keys?.find((one) => one.id === id);
  return html`${
    id && keys
      ? html`<${OneKey} of=${chosen} onChange=${put} onMade=${setMade} />`
      : html`<${Heading} title="Keys"
          note="Each website, program or friend gets a key of their own, with limits of its own.">
          <${Button} kind="main" onClick=${() => setCreating(true)}>New key<//><//>
        <${ErrorBox} error=${error} retry=${load} />
        ${keys ? html`<${KeyList} keys=${keys} />` : !error && html`<${Loading} />`}`
  }
  ${
    creating && html`<${Dialog} title="New key" wide onClose=${() => setCreating(false)}>
      <${KeyForm} onCancel=${() => setCreating(false)}
        onDone=${(/** @type {any} */ row, /** @type {string} */ first) => {
      put(row);
      setCreating(false);
      setMade({ row, first });
    }} /><//>`
  }
  ${
    made && html`<${Made} row=${made.row} first=${made.first} onClose=${() => {
      setMade(null);
      go("keys", made.row.id);
    }} />`
  }`;
}
