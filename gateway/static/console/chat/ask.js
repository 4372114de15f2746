// Asking the model with somebody's key, as any program does.
import { ApiError, client } from "../lib/http.js";

export const PATH = "/v1/chat/completions";

/**
 * A part of an answer as it comes. `text`: more of the answer; `thinking`: more of what the model
 * thinks before it; `waiting`: words on what the request waits for; `usage`: what it cost.
 *
 * @typedef {{ text?: string, thinking?: string, waiting?: string, usage?: Usage }} Part
 * @typedef {{ prompt_tokens: number, completion_tokens: number }} Usage
 */

/** This gateway, as the holder of a key sees it. @param {string} key */
export const holder = (key) =>
  client(() => ({ base: "", headers: { authorization: `Bearer ${key}` } }));

/** What is sent for a chat. @param {object} request */
export const streamed = (request) => ({
  ...request,
  stream: true,
  stream_options: { include_usage: true },
});

/**
 * Resolves when the answer is complete, and rejects with an ApiError otherwise. Aborting the signal
 * stops the model.
 *
 * @param {string} key
 * @param {object} request the body, without what makes it a stream
 * @param {AbortSignal} signal
 * @param {(part: Part) => void} onPart
 */
export async function chat(key, request, signal, onPart) {
  let whole = false;
  const options = { method: "POST", body: streamed(request), signal };
  await holder(key).stream(PATH, ({ event, data }) => {
    if (event === "comment") onPart({ waiting: data });
    else if (data === null) whole = true;
    else onPart(part(data));
  }, options);
  if (!whole) throw new ApiError("The answer broke off. Try again.", "broken", 0);
}

/** @param {any} chunk @returns {Part} */
function part(chunk) {
  if (chunk.error) throw new ApiError(chunk.error.message, chunk.error.code ?? "error", 0);
  const delta = chunk.choices?.[0]?.delta ?? {};
  return {
    text: delta.content || undefined,
    thinking: delta.reasoning || delta.reasoning_content || undefined,
    usage: chunk.usage ?? undefined,
  };
}
