// A chat with any model or preset, as any key would have it.
import { PATH, streamed } from "../chat/ask.js";
import { Conversation } from "../chat/conversation.js";
import { get } from "../lib/api.js";
import { html, useEffect, useMemo, useState } from "../lib/preact.js";
import { Card, Copy, Heading, Select, TextField } from "../lib/ui.js";
import { copied, lane } from "../playground/lane.js";
import { curl } from "../playground/curl.js";
import { asked } from "../playground/request.js";
import { useModels } from "../presets/models.js";
import { VariableValues } from "../presets/variables.js";
import { called, choices, useKeys } from "../usage/keys.js";

const NO_KEY = { label: "the owner", scopes: ["chat", "models:read"] };

export function Page() {
  const keys = useKeys();
  const models = useModels();
  const [presets, setPresets] = useState(/** @type {Record<string, any>[]} */ ([]));
  const [keyId, setKeyId] = useState("");
  const [model, setModel] = useState("");
  const [system, setSystem] = useState("");
  const [temperature, setTemperature] = useState("");
  const [most, setMost] = useState("");
  const [values, setValues] = useState(/** @type {Record<string, string>} */ ({}));
  const [last, setLast] = useState(/** @type {object | null} */ (null));

  useEffect(() => {
    get("/admin/presets").then(({ data }) => setPresets(data), () => {});
  }, []);

  const key = keys?.find((one) => one.id === keyId);
  const own = useMemo(() =>
    key ? lane(called(key), copied(key)) : lane(NO_KEY.label, { scopes: NO_KEY.scopes }), [keyId]);
  useEffect(() => own.end, [own]);

  const names = [...models, ...presets.map((one) => `@preset/${one.name}`)];
  const preset = presets.find((one) => `@preset/${one.name}` === model);

  /** @param {object[]} messages */
  function request(messages) {
    const body = asked({ model, messages, preset, values, system, temperature, most });
    setLast(streamed(body));
    return body;
  }

  return html`<${Heading} title="Playground"
      note="Asked by a key of its own, which ends when you leave; its use is counted." />
    <div class="playground">
      <${Card} title="Who asks what">
        <${Select} label="With the limits of" value=${keyId} onChange=${setKeyId}
          options=${choices(keys?.filter((one) => one.is_active) ?? [], "No key in particular")}
          hint=${key && "Its scopes, models and limits. Its websites and visitors are left out."} />
        <${Select} label="Model" value=${model} onChange=${setModel}
          options=${
    ["", ...names].map((one) => ({ value: one, label: one || "The default model" }))
  } />
        ${preset && html`<${VariableValues} schemas=${preset.variables ?? {}} values=${values}
          onChange=${setValues} />`}
        ${!preset && html`<${TextField} label="System prompt" rows=${3} value=${system}
          onInput=${setSystem} />`}
        <div class="pair">
          <${TextField} type="number" label="Temperature" min="0" max="2" step="any"
            value=${temperature} onInput=${setTemperature} />
          <${TextField} type="number" label="Longest answer (tokens)" min="1" step="1" value=${most}
            onInput=${setMost} />
        </div>
      <//>
      <${Card} title="Chat">
        <${Conversation} key=${`${keyId} ${model}`} getKey=${own.key} request=${request}
          fixed=${preset?.locked ? "The values of its variables" : ""} />
      <//>
    </div>
    ${
    last && html`<${Card} title="The last request" wide note="As a program would send it.">
      <${Copy} block label="The request as curl" text=${curl(location.origin, PATH, last)} />
    <//>`
  }`;
}
