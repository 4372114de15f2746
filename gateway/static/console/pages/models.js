// The models that are here: what is in memory, and how another comes.
import { get, send } from "../lib/api.js";
import { bytes } from "../lib/format.js";
import { status } from "../lib/live.js";
import { html, useEffect, useState } from "../lib/preact.js";
import { Button, Empty, ErrorBox, Heading, Loading } from "../lib/ui.js";
import { List } from "../models/list.js";
import { Pull } from "../models/pull.js";

/** @typedef {import("../models/list.js").Model} Model */

export function Page() {
  const [models, setModels] = useState(/** @type {Model[] | null} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [busy, setBusy] = useState("");
  const [told, tell] = useState("");

  async function look() {
    try {
      setModels((await get("/admin/models")).data);
      setError(null);
    } catch (problem) {
      setError(problem);
    }
  }
  useEffect(() => void look(), []);

  /** @param {"load" | "unload"} what */
  const change = (what) => async (/** @type {string} */ model) => {
    setBusy(model);
    tell(what === "load" ? `${model} is being loaded; that can take a minute.` : "");
    try {
      await send("POST", `/admin/models/${what}`, { model });
      await look();
      tell(`${model} is ${what === "load" ? "in memory" : "out of memory"}.`);
    } catch (problem) {
      tell("");
      setError(problem);
    }
    setBusy("");
  };

  /** @type {{name: string, kind: string}[]} */
  const machines = status.value?.backends ?? [];
  const demos = machines.filter((one) => one.kind === "demo").map((one) => one.name);
  const alone = demos.length > 0 && demos.length === machines.length;
  const size = models?.reduce((sum, one) => sum + (one.size ?? 0), 0);
  return html`<${Heading} title="Models"
      note=${models && `${models.length} installed${size ? `, ${bytes(size)}` : ""}`}>
      <${Button} onClick=${look}>Look again<//>
    <//>
    <${ErrorBox} error=${error} />
    <p role="status" class="told">${told}</p>
    ${models === null && !error && html`<${Loading} />`}
    ${
    models?.length === 0 && !alone &&
    html`<${Empty}>No model is installed yet: download one below.<//>`
  }
    ${
    models && models.length > 0 &&
    html`<${List} models=${models} demos=${demos} busy=${busy} onLoad=${change("load")}
      onUnload=${change("unload")} />`
  }
    ${
    alone
      ? html`<p class="hint">The built-in demo model stands in for Ollama. Start Ollama to download
          and load models.</p>`
      : html`<${Pull} onPulled=${look} />`
  }`;
}
