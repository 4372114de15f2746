// The variables of a preset: which there are, for its owner; and their values, to try it.
import { html } from "../lib/preact.js";
import { Button, Select, TextField } from "../lib/ui.js";

/** @typedef {import("./values.js").Variable} Variable */

/** @type {Record<Variable["kind"], {label: string, bounds: string, example: string}>} */
const KINDS = {
  text: { label: "Text", bounds: "Longest (characters)", example: "80" },
  integer: { label: "Whole number", bounds: "From..to", example: "1..9" },
  number: { label: "Number", bounds: "From..to", example: "0.5..99.5" },
  choice: { label: "One of these", bounds: "Words, with | between", example: "friendly|formal" },
};
const OPTIONS = Object.entries(KINDS).map(([value, { label }]) => ({ value, label }));

/**
 * @param {{variables: Variable[], onChange: (variables: Variable[]) => void,
 *   errors: Record<string, string>}} props
 */
export function VariableRows({ variables, onChange, errors }) {
  /** @param {number} index @param {Partial<Variable>} changes */
  const set = (index, changes) =>
    onChange(variables.map((one, at) => at === index ? { ...one, ...changes } : one));
  return html`<fieldset>
    <legend>Variables</legend>
    ${
    variables.map((one, index) =>
      html`<div class="variable">
        <${TextField} label="Name" value=${one.name} required
          error=${errors[`variables.${one.name}`]} autocapitalize="off"
          onInput=${(/** @type {string} */ name) => set(index, { name })} />
        <${Select} label="Kind" value=${one.kind} options=${OPTIONS}
          onChange=${(/** @type {any} */ kind) => set(index, { kind })} />
        <${TextField} label=${KINDS[one.kind].bounds} value=${one.bounds} required
          placeholder=${KINDS[one.kind].example}
          onInput=${(/** @type {string} */ bounds) => set(index, { bounds })} />
        <${Button} label=${`Remove the variable ${one.name}`}
          onClick=${() => onChange(variables.filter((_, at) => at !== index))}>Remove<//>
      </div>`
    )
  }
    <div><${Button} onClick=${() =>
    onChange([...variables, { name: "", kind: "text", bounds: "80" }])}>Add a variable<//></div>
  </fieldset>`;
}

/**
 * `schemas`: the variables as the server tells them.
 * @param {{schemas: Record<string, any>, values: Record<string, string>,
 *   onChange: (values: Record<string, string>) => void}} props
 */
export const VariableValues = ({ schemas, values, onChange }) =>
  html`<div class="filters">${
    Object.entries(schemas).map(([name, schema]) => {
      const { type, enum: choices, maxLength, minimum, maximum } = schema;
      const set = (/** @type {string} */ value) => onChange({ ...values, [name]: value });
      const value = values[name] ?? "";
      if (choices) {
        const options = ["", ...choices].map((one) => ({ value: one, label: one }));
        return html`<${Select} label=${name} value=${value} onChange=${set} options=${options} />`;
      }
      return type === "string"
        ? html`<${TextField} label=${name} value=${value} onInput=${set} maxlength=${maxLength} />`
        : html`<${TextField} label=${name} value=${value} onInput=${set} type="number"
            min=${minimum} max=${maximum} step=${type === "integer" ? 1 : "any"} />`;
    })
  }</div>`;

/**
 * As a request has them: numbers are numbers.
 * @param {Record<string, any>} schemas
 * @param {Record<string, string>} values
 */
export const typed = (schemas, values) =>
  Object.fromEntries(
    Object.entries(values)
      .filter(([name, value]) => name in schemas && value !== "")
      .map(([name, value]) => [
        name,
        ["integer", "number"].includes(schemas[name].type) ? Number(value) : value,
      ]),
  );
