// A preset, tried by a key that may use nothing else.
import { Conversation } from "../chat/conversation.js";
import { html, useEffect, useMemo, useState } from "../lib/preact.js";
import { Card } from "../lib/ui.js";
import { lane } from "../playground/lane.js";
import { asked } from "../playground/request.js";
import { VariableValues } from "./variables.js";

/** @param {{preset: import("./values.js").Preset}} props */
export function Try({ preset }) {
  const model = `@preset/${preset.name}`;
  const [values, setValues] = useState(/** @type {Record<string, string>} */ ({}));
  const own = useMemo(() => lane(model, { scopes: ["chat"], allowed_models: [model] }), [model]);
  useEffect(() => own.end, [own]);
  return html`<${Card} title="Try it" wide
    note="As callers see it, by a key for this preset that ends when you leave.">
    <${VariableValues} schemas=${preset.variables ?? {}} values=${values} onChange=${setValues} />
    <${Conversation} getKey=${own.key} fixed=${preset.locked ? "The values above" : ""}
      request=${(/** @type {object[]} */ messages) =>
    asked({ model, preset, values, messages })} />
  <//>`;
}
