// Shows an answer while it comes, says why there is none, and can be stopped.
import { chat } from "./chat.js";

const form = document.getElementById("form");
const ask = document.getElementById("ask");
const stop = document.getElementById("stop");
const answer = document.getElementById("answer");
const problem = document.getElementById("problem");
let asking; // aborts what is being asked

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { url, key, model, question } = Object.fromEntries(new FormData(form));
  answer.textContent = problem.textContent = "";
  asking = new AbortController();
  ask.disabled = true;
  stop.disabled = false;
  try {
    const messages = [{ role: "user", content: question }];
    for await (const text of chat(url, key, { model, messages, max_tokens: 200 }, asking.signal)) {
      answer.append(text); // as text, never as HTML: a model may write anything
    }
  } catch (error) {
    if (!asking.signal.aborted) problem.textContent = error.message;
  } finally {
    ask.disabled = false;
    stop.disabled = true;
  }
});

stop.addEventListener("click", () => asking.abort());
