// Fields of forms, and buttons.
import { html, useId } from "../preact.js";

/** @typedef {import("preact").ComponentChildren} Children */

/**
 * `busy`: what it does is under way. `kind`: "main" is what most people want here.
 * @param {{onClick?: () => void, kind?: "main" | "danger" | "plain", submit?: boolean,
 *   busy?: boolean, label?: string, disabled?: boolean, children: Children}} props
 */
export const Button = ({ onClick, kind = "plain", submit, busy, label, disabled, children }) =>
  html`<button type=${submit ? "submit" : "button"} class=${kind} onClick=${onClick}
    disabled=${disabled || busy} aria-busy=${busy ? "true" : undefined} aria-label=${label}>
    ${children}</button>`;

/**
 * A label and a hint around any field: `children` gets the attributes that bind them together.
 * @param {{label: string, hint?: Children, error?: string | null,
 *   children: (attributes: Record<string, unknown>) => Children}} props
 */
export function Field({ label, hint, error, children }) {
  const id = useId();
  const told = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${
    children({
      id,
      "aria-describedby": told || undefined,
      "aria-invalid": error ? "true" : undefined,
    })
  }
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${error && html`<p class="wrong" id=${`${id}-error`}>${error}</p>`}
  </div>`;
}

/**
 * @param {{label: string, value: string, onInput: (value: string) => void, hint?: Children,
 *   error?: string | null, type?: string, rows?: number, [attribute: string]: unknown}} props
 */
export function TextField({ label, value, onInput, hint, error, type = "text", rows, ...more }) {
  /** @param {InputEvent} event */
  const input = (event) => onInput(/** @type {HTMLInputElement} */ (event.target).value);
  return html`<${Field} label=${label} hint=${hint} error=${error}>${
    (/** @type {Record<string, unknown>} */ bound) =>
      rows
        ? html`<textarea rows=${rows} value=${value} onInput=${input} spellcheck=${false} ...${bound}
            ...${more}></textarea>`
        : html`<input type=${type} value=${value} onInput=${input} ...${bound} ...${more} />`
  }<//>`;
}

/**
 * @param {{label: string, value: string, onChange: (value: string) => void,
 *   options: {value: string, label: string}[], hint?: Children, error?: string | null}} props
 */
export function Select({ label, value, onChange, options, hint, error }) {
  /** @param {Event} event */
  const change = (event) => onChange(/** @type {HTMLSelectElement} */ (event.target).value);
  return html`<${Field} label=${label} hint=${hint} error=${error}>${
    (/** @type {Record<string, unknown>} */ bound) =>
      html`<select value=${value} onChange=${change} ...${bound}>${
        options.map((one) =>
          html`<option value=${one.value} selected=${one.value === value}>${one.label}</option>`
        )
      }</select>`
  }<//>`;
}
