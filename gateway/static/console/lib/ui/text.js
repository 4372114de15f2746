// Headings, states and messages.
import { html } from "../preact.js";

/** @typedef {import("preact").ComponentChildren} Children */

/**
 * The title of a page, and what one can do there.
 * @param {{title: string, note?: Children, children?: Children}} props
 */
export const Heading = ({ title, note, children }) =>
  html`<header class="heading">
    <div><h1 tabindex="-1">${title}</h1>${note && html`<p class="quiet">${note}</p>`}</div>
    ${children && html`<div class="actions">${children}</div>`}
  </header>`;

/** @param {{title: string, note?: Children, wide?: boolean, children?: Children}} props */
export const Card = ({ title, note, wide, children }) =>
  html`<section class=${wide ? "card wide" : "card"}>
    <h2>${title}</h2>${note && html`<p class="quiet">${note}</p>`}${children}
  </section>`;

/** There is nothing yet, and what to do about it. @param {{children: Children}} props */
export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;

export const Loading = () => html`<p class="empty" role="status">Loading …</p>`;

/**
 * A problem in words. `retry`: what the button does.
 * @param {{error: unknown, retry?: () => void}} props
 */
export function ErrorBox({ error, retry }) {
  if (!error) return null;
  const text = error instanceof Error ? error.message : String(error);
  return html`<div class="problem" role="alert">
    <p>${text}</p>
    ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

/**
 * A state in a mark and words: colour alone does not tell good from bad.
 * @param {{kind: "good" | "bad" | "warning" | "quiet", children: Children}} props
 */
export const State = ({ kind, children }) =>
  html`<span class=${`state ${kind}`}><span class="mark" aria-hidden="true">${
    { good: "✓", bad: "!", warning: "!", quiet: "·" }[kind]
  }</span>${children}</span>`;

/** Names and what they are. @param {{of: [string, Children][]}} props */
export const Facts = ({ of }) =>
  html`<dl class="facts">${
    of.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)
  }</dl>`;
