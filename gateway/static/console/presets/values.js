// A preset as a form has it, where everything is text, and as the server does.

/**
 * @typedef {Record<string, any>} Preset as GET /admin/presets/{name} tells it
 * @typedef {"text" | "integer" | "number" | "choice"} Kind
 * @typedef {{ name: string, kind: Kind, bounds: string }} Variable
 *   `bounds`: what the command line takes: 80, 1..9 or friendly|formal
 * @typedef {{ name: string, model: string, system: string, template: string, locked: boolean,
 *   variables: Variable[], numbers: Record<string, string>, stop: string, think: string,
 *   format: string }} Values `stop`: one a line; `format`: "", json or a JSON schema
 */

/** Parameters that are numbers: name, title and step. */
export const NUMBERS = /** @type {const} */ ([
  ["max_output_tokens", "Longest answer (tokens)", "1"],
  ["temperature", "Temperature", "any"],
  ["top_p", "top_p", "any"],
  ["min_p", "min_p", "any"],
  ["top_k", "top_k", "1"],
  ["seed", "Seed", "1"],
  ["frequency_penalty", "Frequency penalty", "any"],
  ["presence_penalty", "Presence penalty", "any"],
]);

/** What is wrong with a form, by the field's name. */
export class Wrong extends Error {
  /** @param {string} field @param {string} message */
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

/** @param {Preset} [preset] @returns {Values} */
export function toForm(preset = {}) {
  const { name = "", model = "", system = "", template, locked = false } = preset;
  const { stop, think, format, ...rest } = preset.parameters ?? {};
  return {
    name,
    model,
    system,
    template: template ?? "",
    locked,
    variables: Object.entries(preset.variables ?? {}).map(([one, schema]) => variable(one, schema)),
    numbers: Object.fromEntries(Object.entries(rest).map(([one, value]) => [one, String(value)])),
    stop: (stop ?? []).join("\n"),
    think: think === undefined ? "" : String(think),
    format: typeof format === "object" ? JSON.stringify(format, null, 2) : format ?? "",
  };
}

/** What is sent of it, without the name. @param {Values} values */
export function toFields({ model, system, template, locked, variables, ...more }) {
  return {
    model: model.trim(),
    system,
    template: template || null,
    locked,
    variables: Object.fromEntries(variables.map((one) => [one.name.trim(), schema(one)])),
    parameters: parameters(more),
  };
}

/** @param {string} name @param {Record<string, any>} schema @returns {Variable} */
function variable(name, { type, enum: choices, maxLength, minimum, maximum }) {
  if (choices) return { name, kind: "choice", bounds: choices.join("|") };
  if (type === "string") return { name, kind: "text", bounds: String(maxLength) };
  return { name, kind: type, bounds: `${minimum}..${maximum}` };
}

/** @param {Variable} one */
function schema({ name, kind, bounds }) {
  if (kind === "choice") return { enum: bounds.split("|").map((text) => text.trim()) };
  if (kind === "text") return { type: "string", maxLength: amount(`variables.${name}`, bounds) };
  const [minimum, maximum, more] = bounds.split("..");
  if (maximum === undefined || more !== undefined) {
    throw new Wrong(`variables.${name}`, "Write the smallest and the largest number as 1..9.");
  }
  const of = (/** @type {string} */ text) => amount(`variables.${name}`, text);
  return { type: kind, minimum: of(minimum), maximum: of(maximum) };
}

/** @param {Pick<Values, "numbers" | "stop" | "think" | "format">} values */
function parameters({ numbers, stop, think, format }) {
  /** @type {Record<string, unknown>} */
  const found = {};
  for (const [name, text] of Object.entries(numbers)) {
    if (text.trim()) found[name] = amount(`parameters.${name}`, text);
  }
  const ends = stop.split("\n").filter(Boolean);
  if (ends.length > 0) found.stop = ends;
  if (think) found.think = think === "true";
  if (format.trim()) found.format = format.trim() === "json" ? "json" : parsed(format);
  return found;
}

/** @param {string} field @param {string} text */
function amount(field, text) {
  const value = Number(text.trim() || NaN);
  if (!Number.isFinite(value)) throw new Wrong(field, "This should be a number.");
  return value;
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Wrong("parameters.format", "This should be the word json, or a JSON schema.");
  }
}

/** What a change has to name. @param {Record<string, unknown>} fields @param {Preset} preset */
export const changed = (fields, preset) =>
  Object.fromEntries(
    Object.entries(fields).filter(([name, value]) =>
      sorted(value) !== sorted(preset[name] ?? null)
    ),
  );

/** JSON in which the order of fields does not matter. @param {unknown} value */
const sorted = (value) =>
  JSON.stringify(value, (_, one) =>
    one && typeof one === "object" && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one);
