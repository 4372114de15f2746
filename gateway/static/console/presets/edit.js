// One preset: what it says, how it answers, what it was.
import { get, send } from "../lib/api.js";
import { html, useEffect, useState } from "../lib/preact.js";
import { Button, Card, Dialog, ErrorBox, Heading, Loading } from "../lib/ui.js";
import { PresetForm } from "./form.js";
import { Try } from "./try.js";
import { path, Versions } from "./versions.js";

/**
 * @param {{name: string, models: string[], onBack: () => void}} props
 */
export function Edit({ name, models, onBack }) {
  const [preset, setPreset] = useState(/** @type {import("./values.js").Preset | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [told, tell] = useState("");
  const [deleting, setDeleting] = useState(false);

  async function look() {
    try {
      setPreset(await get(path(name)));
      setError(null);
    } catch (problem) {
      setError(problem);
    }
  }
  useEffect(() => void look(), [name]);

  /** @param {Record<string, unknown>} changes */
  async function save(changes) {
    const { version } = await send("PATCH", path(name), changes);
    tell(`Saved as version ${version}. Gateways know it within ten seconds.`);
    await look();
  }

  async function remove() {
    try {
      await send("DELETE", path(name));
      onBack();
    } catch (problem) {
      setError(problem);
      setDeleting(false);
    }
  }

  return html`<${Heading} title=${`@preset/${name}`} note=${preset && `Version ${preset.version}`}>
      <${Button} onClick=${onBack}>All presets<//>
      <${Button} kind="danger" onClick=${() => setDeleting(true)}>Delete<//>
    <//>
    <${ErrorBox} error=${error} />
    <p role="status" class="told">${told}</p>
    ${preset === null && !error && html`<${Loading} />`}
    ${
    preset && html`<div class="cards">
      <${Card} title="What it is" wide>
        <${PresetForm} key=${preset.version} preset=${preset} models=${models} save=${save} />
      <//>
      <${Try} key=${`try ${preset.version}`} preset=${preset} />
      <${Versions} preset=${preset} onRestored=${look} />
    </div>`
  }
    ${
    deleting && html`<${Dialog} title="Delete this preset?" onClose=${() => setDeleting(false)}>
      <p>Callers who ask for <code>@preset/${name}</code> are refused from then on. Its versions are
        gone; its usage stays.</p>
      <div class="actions">
        <${Button} kind="danger" onClick=${remove}>Delete it<//>
        <${Button} onClick=${() => setDeleting(false)}>Keep it<//>
      </div>
    <//>`
  }`;
}
