// What a preset was, and the way back.
import { get, send } from "../lib/api.js";
import { time } from "../lib/format.js";
import { html, useEffect, useState } from "../lib/preact.js";
import { Button, Card, Dialog, ErrorBox, Loading, Table } from "../lib/ui.js";

/** @typedef {import("./values.js").Preset} Preset */
/** @typedef {{version: number, updated_at: string}} Version */

/** @param {string} name */
export const path = (name) => `/admin/presets/${encodeURIComponent(name)}`;

/** @param {{preset: Preset, onRestored: () => void}} props */
export function Versions({ preset, onRestored }) {
  const [shown, show] = useState(0);
  const [error, setError] = useState(/** @type {unknown} */ (null));

  /** @param {number} version */
  async function restore(version) {
    try {
      await send("PATCH", path(preset.name), { restore: version });
      setError(null);
      onRestored();
    } catch (problem) {
      setError(problem);
    }
  }

  return html`<${Card} title="Versions" wide note="Each change makes one; the last 20 are kept.">
    <${ErrorBox} error=${error} />
    <${Table} caption="Versions of this preset" rows=${preset.versions} step=${20}
      columns=${columns(preset.version, show, restore)}
      id=${(/** @type {Version} */ one) => String(one.version)} />
    ${shown > 0 && html`<${Look} name=${preset.name} version=${shown} onClose=${() => show(0)} />`}
  <//>`;
}

/**
 * @param {number} used
 * @param {(version: number) => void} show
 * @param {(version: number) => void} restore
 * @returns {import("../lib/ui/table.js").Column<Version>[]}
 */
const columns = (used, show, restore) => [
  { name: "version", label: "Version", head: true, cell: ({ version }) => version },
  { name: "time", label: "Made", cell: (one) => time(one.updated_at) },
  {
    name: "do",
    label: "Look, go back",
    cell: ({ version }) =>
      html`<div class="actions">
        <${Button} label=${`Look at version ${version}`} onClick=${() => show(version)}>Look<//>
        ${
        version === used
          ? html`<span class="quiet">in use</span>`
          : html`<${Button} label=${`Go back to it: version ${version}`}
            onClick=${() => restore(version)}>Go back to it<//>`
      }</div>`,
  },
];

/** @param {{name: string, version: number, onClose: () => void}} props */
function Look({ name, version, onClose }) {
  const [found, setFound] = useState(/** @type {Preset | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  useEffect(() => {
    get(`${path(name)}?version=${version}`).then(setFound, setError);
  }, []);
  return html`<${Dialog} title=${`${name}, version ${version}`} onClose=${onClose} wide>
    <${ErrorBox} error=${error} />
    ${!found && !error && html`<${Loading} />`}
    ${found && html`<pre class="said" tabindex="0">${text(found)}</pre>`}
  <//>`;
}

/** @param {Preset} preset */
function text({ model, system, template, variables, parameters, locked }) {
  const rest = { template, variables, parameters, locked };
  return `model: ${model}\n\n${system}\n\n${JSON.stringify(rest, null, 2)}`;
}
