// The body of a chat request, for a model or a preset.
import { typed } from "../presets/variables.js";

/**
 * `preset`: the one behind the model, if it is one; `values`: of its variables. Empty settings are
 * left out.
 *
 * @param {{model: string, messages: object[], preset?: Record<string, any>,
 *   values?: Record<string, string>, system?: string, temperature?: string, most?: string}} given
 */
export function asked({ model, messages, preset, values = {}, system, temperature, most }) {
  const settings = {
    ...(temperature?.trim() && { temperature: Number(temperature) }),
    ...(most?.trim() && { max_tokens: Number(most) }),
  };
  if (!preset) {
    const first = system?.trim() ? [{ role: "system", content: system }] : [];
    return { ...(model && { model }), messages: [...first, ...messages], ...settings };
  }
  const variables = typed(preset.variables ?? {}, values);
  if (preset.locked) return { prompt: { id: model, variables } };
  if (Object.keys(variables).length === 0) return { model, messages, ...settings };
  return { prompt: { id: model, variables }, messages, ...settings };
}
