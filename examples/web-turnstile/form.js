// A form with a question: shows an answer while it comes, says why there is none, and can be stopped.

const form = document.getElementById("form");
const ask = document.getElementById("ask");
const stop = document.getElementById("stop");
const answer = document.getElementById("answer");
const problem = document.getElementById("problem");

/** `texts`: from the fields of the form and a signal to the texts of an answer. */
export function answerWith(texts) {
  let asking; // aborts what is being asked
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    answer.textContent = problem.textContent = "";
    asking = new AbortController();
    ask.disabled = true;
    stop.disabled = false;
    try {
      for await (const text of texts(Object.fromEntries(new FormData(form)), asking.signal)) {
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
}
