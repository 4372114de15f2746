// The models of all machines: which are in memory, and how large they are.
import { ago, bytes, day, number } from "../lib/format.js";
import { html } from "../lib/preact.js";
import { Button, State, Table } from "../lib/ui.js";

/**
 * @typedef {{backend: string, size: number | null, size_vram: number | null,
 *   context: number | null, expires_at: string | null}} Loaded
 * @typedef {{model: string, size: number | null, family: string | null, parameters: string | null,
 *   quantization: string | null, modified_at: string | null, backends: string[],
 *   loaded: Loaded[], preload: boolean}} Model
 */

/**
 * `busy`: the model that is just loaded or unloaded. `demos`: machines that always serve their one.
 * @typedef {{models: Model[], demos: string[], busy: string, onLoad: (model: string) => void,
 *   onUnload: (model: string) => void}} Props
 */

/** @param {Props} props */
export const List = (props) =>
  html`<${Table} caption="Models" rows=${props.models} sorted="model" columns=${columns(props)}
    id=${(/** @type {Model} */ one) => one.model} />`;

/** @param {Props} props @returns {import("../lib/ui/table.js").Column<Model>[]} */
const columns = ({ demos, busy, onLoad, onUnload }) => [
  { name: "model", label: "Model", head: true, cell: (one) => one.model, sort: (one) => one.model },
  { name: "what", label: "What it is", cell: kind },
  {
    name: "size",
    label: "Size",
    numeric: true,
    cell: (one) => bytes(one.size),
    sort: (one) => one.size ?? 0,
  },
  { name: "machines", label: "On", cell: (one) => one.backends.join(", ") },
  {
    name: "since",
    label: "Since",
    cell: (one) => day(one.modified_at),
    sort: (one) => one.modified_at ?? "",
  },
  {
    name: "memory",
    label: "In memory",
    cell: (one) => isDemo(one, demos) ? "always" : memory(one),
    sort: (one) => one.loaded.length,
  },
  {
    name: "do",
    label: "Change",
    cell: (one) => {
      const { model, loaded } = one;
      if (isDemo(one, demos)) return "–";
      return loaded.length > 0
        ? html`<${Button} busy=${busy === model} label=${`Unload ${model}`}
            onClick=${() => onUnload(model)}>Unload<//>`
        : html`<${Button} busy=${busy === model} label=${`Load ${model}`}
            onClick=${() => onLoad(model)}>Load<//>`;
    },
  },
];

/** @param {Model} one @param {string[]} demos */
const isDemo = ({ backends }, demos) =>
  backends.length > 0 && backends.every((one) => demos.includes(one));

/** @param {Model} one */
const kind = ({ family, parameters, quantization }) =>
  [family, parameters, quantization].filter(Boolean).join(", ") || "–";

/** @param {Model} one */
function memory({ loaded, preload }) {
  if (loaded.length === 0) {
    return preload ? html`<${State} kind="warning">not yet: it should be<//>` : "no";
  }
  return loaded.map((one) =>
    html`<div><${State} kind="good">${one.backend}: ${where(one)}<//>
      <div class="quiet">${details(one, preload)}</div></div>`
  );
}

/** @param {Loaded} one */
function where({ size, size_vram }) {
  if (size === null || size_vram === null) return "in memory";
  if (!size_vram) return `${bytes(size)} in the memory of the processor`;
  if (size_vram >= size) return `${bytes(size)} on the graphics card`;
  return `${bytes(size_vram)} of ${bytes(size)} on the graphics card`;
}

/** @param {Loaded} one @param {boolean} preload */
function details({ context, expires_at }, preload) {
  const stays = preload || (expires_at && Date.parse(expires_at) - Date.now() > 365 * 86_400_000);
  return [
    context && `a context of ${number(context)} tokens`,
    stays ? "stays" : expires_at && `goes ${ago(expires_at)} if nobody asks`,
  ].filter(Boolean).join(", ");
}
