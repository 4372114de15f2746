// A QR code, drawn as one path.
import { generate } from "../../../vendor/lean-qr/nano.mjs";
import { html } from "../preact.js";

const MARGIN = 4; // modules of white around it, as readers expect

/** @param {{text: string, label: string}} props */
export function QR({ text, label }) {
  const code = generate(text);
  const size = code.size + 2 * MARGIN;
  let path = "";
  for (let y = 0; y < code.size; y += 1) {
    for (let x = 0; x < code.size; x += 1) {
      if (code.get(x, y)) path += `M${x + MARGIN} ${y + MARGIN}h1v1h-1z`;
    }
  }
  return html`<svg class="qr" role="img" aria-label=${label} viewBox=${`0 0 ${size} ${size}`}
    shape-rendering="crispEdges">
    <rect width=${size} height=${size} fill="#fff" /><path d=${path} fill="#000" /></svg>`;
}
