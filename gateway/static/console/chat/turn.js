// One turn of a conversation.
import { decimal, duration, number } from "../lib/format.js";
import { html } from "../lib/preact.js";
import { ErrorBox } from "../lib/ui.js";

/**
 * @param {{turn: import("./turns.js").Turn,
 *   explain?: (problem: import("../lib/http.js").ApiError) => string}} props
 */
export function TurnView({ turn, explain }) {
  const { role, text, thinking, waiting, figures, problem, stopped, running } = turn;
  const why = problem && (explain?.(problem) ?? problem.message);
  return html`<article class=${`turn ${role}`}>
    <h3>${role === "user" ? "You" : "Model"}</h3>
    ${
    thinking &&
    html`<details><summary>What it thought first</summary><p class="said">${thinking}</p></details>`
  }
    ${text && html`<p class="said">${text}</p>`}
    ${running && !text && html`<p class="quiet">${told(waiting, thinking)}</p>`}
    ${stopped && html`<p class="quiet">Stopped.</p>`}
    <${ErrorBox} error=${why} />
    ${figures && !problem && html`<p class="figures">${words(figures)}</p>`}
  </article>`;
}

/**
 * The gateway says `waiting, position 3` or `working`.
 * @param {string} [waiting]
 * @param {string} [thinking]
 */
function told(waiting, thinking) {
  const place = waiting?.match(/position (\d+)/);
  if (place) return `Waiting for its turn: number ${place[1]} in the queue …`;
  return thinking ? "Thinking …" : "Waiting for the first token …";
}

/** @param {import("./turns.js").Figures} figures */
function words({ prompt, answer, first, rate }) {
  return [
    prompt !== null && `${number(prompt)} tokens in, ${number(answer)} out`,
    rate !== null && `${decimal(rate)} tokens/s`,
    first !== null && `first token after ${duration(first)}`,
  ].filter(Boolean).join(" · ");
}
