// How much of something is used.
import { percent } from "../format.js";
import { html } from "../preact.js";

/**
 * A bar with its words. Without a limit there are only the words. `inPercent`: say how much in % too.
 * @param {{used: number, limit: number | null, text: string, inPercent?: boolean}} props
 */
export function Bars({ used, limit, text, inPercent = true }) {
  const part = limit ? Math.min(used / limit, 1) : limit === 0 ? 1 : null;
  const kind = part === null ? "" : part >= 1 ? "full" : part >= 0.8 ? "near" : "";
  return html`<div class="bars">
    <span>${text}${inPercent && part !== null && html` <span class="quiet">${percent(part)}</span>`}</span>
    ${
    part !== null &&
    html`<span class=${`bar ${kind}`} aria-hidden="true"><span style=${{
      width: `${part * 100}%`,
    }}></span></span>`
  }
  </div>`;
}
