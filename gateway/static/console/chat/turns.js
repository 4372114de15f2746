// A conversation: what was said, what it cost and how fast it came.
import { ApiError } from "../lib/http.js";
import { chat } from "./ask.js";

/**
 * One turn, of the user or of the model. `figures`: what the answer cost, and how fast it came.
 *
 * @typedef {{
 *   role: "user" | "assistant", text: string, thinking?: string, waiting?: string,
 *   figures?: Figures, problem?: ApiError, stopped?: boolean, running?: boolean
 * }} Turn
 * @typedef {{ prompt: number | null, answer: number, first: number | null, rate: number | null }} Figures
 *   tokens of the prompt and of the answer, milliseconds to the first token, tokens a second
 */

/**
 * Let the model answer. `onTurn` gets the answer as it grows: the whole turn each time.
 *
 * @param {string} key
 * @param {object} request
 * @param {AbortSignal} signal
 * @param {(turn: Turn) => void} onTurn
 */
export async function answer(key, request, signal, onTurn) {
  const clock = new Clock();
  /** @type {Turn} */
  let turn = { role: "assistant", text: "", thinking: "", running: true };
  /** @param {Partial<Turn>} changes */
  const tell = (changes) => onTurn(turn = { ...turn, ...changes });
  const end = { running: false, waiting: "" };
  tell({});
  try {
    await chat(key, request, signal, ({ text = "", thinking = "", waiting, usage }) => {
      if (text || thinking) clock.tick();
      tell({
        text: turn.text + text,
        thinking: turn.thinking + thinking,
        waiting: waiting ?? "",
        figures: clock.figures(usage),
      });
    });
    tell(end);
  } catch (problem) {
    if (signal.aborted) tell({ ...end, stopped: true });
    else if (problem instanceof ApiError) tell({ ...end, problem });
    else throw problem;
  }
}

/**
 * What the model is told of a conversation. A question that got no answer is not part of it.
 *
 * @param {Turn[]} turns
 */
export function messages(turns) {
  return turns
    .filter((one, index) => one.text && !one.problem && !turns[index + 1]?.problem)
    .map(({ role, text }) => ({ role, content: text }));
}

class Clock {
  #began = performance.now();
  #first = 0;
  #last = 0;
  #parts = 0;

  tick() {
    this.#last = performance.now();
    this.#first ||= this.#last;
    this.#parts += 1;
  }

  /**
   * @param {import("./ask.js").Usage} [usage] until it is known, parts stand for tokens
   * @returns {Figures}
   */
  figures(usage) {
    const count = usage?.completion_tokens ?? this.#parts;
    const seconds = (this.#last - this.#first) / 1000;
    return {
      prompt: usage?.prompt_tokens ?? null,
      answer: count,
      first: this.#first ? this.#first - this.#began : null,
      rate: seconds > 0.05 && count > 1 ? (count - 1) / seconds : null, // else it came at once
    };
  }
}
