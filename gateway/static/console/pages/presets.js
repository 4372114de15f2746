// Presets: models with a prompt of the owner's.
import { get, send } from "../lib/api.js";
import { ago } from "../lib/format.js";
import { html, useEffect, useState } from "../lib/preact.js";
import { go, href, route } from "../lib/route.js";
import { Button, Dialog, Empty, ErrorBox, Heading, Loading, Table } from "../lib/ui.js";
import { Edit } from "../presets/edit.js";
import { PresetForm } from "../presets/form.js";
import { useModels } from "../presets/models.js";

/** @typedef {import("../presets/values.js").Preset} Preset */

export function Page() {
  const models = useModels();
  const [name] = route.value.rest;
  return name
    ? html`<${Edit} key=${name} name=${name} models=${models} onBack=${() => go("presets")} />`
    : html`<${All} models=${models} />`;
}

/** @param {{models: string[]}} props */
function All({ models }) {
  const [presets, setPresets] = useState(/** @type {Preset[] | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [making, setMaking] = useState(false);

  useEffect(() => {
    get("/admin/presets").then(({ data }) => setPresets(data), setError);
  }, []);

  /** @param {Record<string, unknown>} fields */
  async function make(fields) {
    const made = await send("POST", "/admin/presets", fields);
    go("presets", made.name);
  }

  return html`<${Heading} title="Presets"
      note="A model with a prompt of yours that callers cannot see or change.">
      <${Button} kind="main" onClick=${() => setMaking(true)}>New preset<//>
    <//>
    <${ErrorBox} error=${error} />
    ${presets === null && !error && html`<${Loading} />`}
    ${presets?.length === 0 && html`<${Empty}>There is no preset yet. With one, and a key
      that may use only presets, a public page can do one thing and nothing else.<//>`}
    ${
    presets && presets.length > 0 &&
    html`<${Table} caption="Presets" rows=${presets} columns=${COLUMNS} sorted="name"
      id=${(/** @type {Preset} */ one) => one.name} />`
  }
    ${
    making && html`<${Dialog} title="New preset" onClose=${() => setMaking(false)} wide>
      <${PresetForm} models=${models} save=${make} onCancel=${() => setMaking(false)} />
    <//>`
  }`;
}

/** @type {import("../lib/ui/table.js").Column<Preset>[]} */
const COLUMNS = [
  {
    name: "name", label: "Name", head: true, sort: (one) => one.name,
    cell: (one) => html`<a href=${href("presets", one.name)}>${one.name}</a>`,
  },
  {
    name: "model", label: "Model", sort: (one) => one.model,
    cell: (one) => one.model,
  },
  {
    name: "kind", label: "Callers send",
    cell: (one) => one.locked ? "variables only" : "messages",
  },
  {
    name: "variables", label: "Variables",
    cell: (one) => Object.keys(one.variables ?? {}).join(", ") || "none",
  },
  {
    name: "version", label: "Version", numeric: true,
    cell: (one) => one.version,
  },
  {
    name: "changed", label: "Changed", sort: (one) => one.updated_at,
    cell: (one) => ago(one.updated_at),
  },
];
