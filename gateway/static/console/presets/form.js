// Where a preset is made or changed.
import { html, useId, useState } from "../lib/preact.js";
import { Button, ErrorBox, Select, TextField } from "../lib/ui.js";
import { changed, NUMBERS, toFields, toForm, Wrong } from "./values.js";
import { VariableRows } from "./variables.js";

/** @typedef {import("./values.js").Values} Values */

const THINK = [
  { value: "", label: "As the model does" },
  { value: "true", label: "Yes" },
  { value: "false", label: "No" },
];

/**
 * `preset`: the one that is changed, or none. `save` gets what is sent.
 * @param {{preset?: import("./values.js").Preset, models: string[], onCancel?: () => void,
 *   save: (fields: Record<string, unknown>) => Promise<void>}} props
 */
export function PresetForm({ preset, models, save, onCancel }) {
  const [values, setValues] = useState(() => toForm(preset));
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [busy, setBusy] = useState(false);
  const list = useId();
  /** @param {keyof Values} name */
  const set = (name) => (/** @type {any} */ value) => setValues({ ...values, [name]: value });

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    setErrors({});
    setError(null);
    setBusy(true);
    try {
      const fields = toFields(values);
      const changes = preset ? changed(fields, preset) : { name: values.name.trim(), ...fields };
      if (Object.keys(changes).length > 0) await save(changes);
    } catch (problem) {
      const { message, field, param } = /** @type {any} */ (problem);
      if (problem instanceof Wrong || param) setErrors({ [field ?? param]: message });
      setError(problem);
    }
    setBusy(false);
  }

  return html`<form onSubmit=${submit}>
    <div class="pair">
      ${
    !preset &&
    html`<${TextField} label="Name" value=${values.name} onInput=${set("name")} required
        autofocus autocapitalize="off" error=${errors.name}
        hint=${`Callers ask for @preset/${values.name || "NAME"}.`} />`
  }
      <${TextField} label="Model" value=${values.model} onInput=${set("model")} required
        list=${list} autocomplete="off" error=${errors.model} />
      <datalist id=${list}>${models.map((one) => html`<option value=${one} />`)}</datalist>
    </div>
    <${TextField} label="Prompt" rows=${5} value=${values.system} onInput=${set("system")}
      error=${errors.system} hint="It comes first, as the system prompt. Callers cannot see or
        change it; still, put nothing into it that must stay secret." />
    <${VariableRows} variables=${values.variables} onChange=${set("variables")} errors=${errors} />
    <${TextField} label="Template" rows=${2} value=${values.template} onInput=${set("template")}
      error=${errors.template} hint="The message that is made of the variables, with {{name}} for
        each. Without one it is a line for each." />
    <label class="check"><input type="checkbox" checked=${values.locked}
      onChange=${() => set("locked")(!values.locked)} /> Locked: callers send variables and nothing
      else</label>
    ${errors.locked && html`<p class="wrong">${errors.locked}</p>`}
    <${Parameters} values=${values} set=${set} errors=${errors} />
    <${ErrorBox} error=${error} />
    <div class="actions">
      <${Button} submit kind="main" busy=${busy}>${
    preset ? "Save as a new version" : "Make the preset"
  }<//>
      ${onCancel && html`<${Button} onClick=${onCancel}>Cancel<//>`}
    </div>
  </form>`;
}

/**
 * @param {{values: Values, errors: Record<string, string>,
 *   set: (name: keyof Values) => (value: any) => void}} props
 */
const Parameters = ({ values, errors, set }) =>
  html`<details>
    <summary>What it says of the answer</summary>
    <div class="filters">
      ${
    NUMBERS.map(([name, label, step]) =>
      html`<${TextField} type="number" step=${step} label=${label}
        value=${values.numbers[name] ?? ""} error=${errors[`parameters.${name}`]}
        onInput=${(/** @type {string} */ text) =>
        set("numbers")({ ...values.numbers, [name]: text })} />`
    )
  }
      <${Select} label="Think first" value=${values.think} onChange=${set("think")}
        options=${THINK} />
    </div>
    <${TextField} label="Stop at" rows=${2} value=${values.stop} onInput=${set("stop")}
      error=${errors["parameters.stop"]} hint="One text a line." />
    <${TextField} label="Form of the answer" rows=${2} value=${values.format}
      onInput=${set("format")} error=${errors["parameters.format"]}
      hint="The word json, a JSON schema, or nothing." />
  </details>`;
