// Turnstile proves that somebody is there. The function on Supabase takes the proof for a token.
import { chat } from "./chat.js";
import { answerWith } from "./form.js";
import { FUNCTION, GATEWAY, MODEL, SITE, WIDGET } from "./settings.js";

let token; // of this visitor; ends after some minutes
let widget; // of Turnstile; each gives one proof

async function current(again) {
  if (again || !token) {
    const response = await fetch(FUNCTION, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ site: SITE, turnstile: await proof() }),
    });
    const made = await response.json().catch(() => null);
    if (!response.ok) throw new Error(made?.error?.message ?? `The status was ${response.status}.`);
    ({ token } = made);
  }
  return token;
}

/** A new proof: it is good once, for five minutes. */
function proof() {
  const { turnstile } = window;
  if (!turnstile) throw new Error("Turnstile has not been loaded.");
  return new Promise((resolve, reject) => {
    if (widget !== undefined) turnstile.remove(widget);
    widget = turnstile.render("#turnstile", {
      "sitekey": WIDGET,
      "callback": resolve,
      "error-callback": (code) => {
        reject(new Error(`Turnstile could not tell that you are a person (${code}).`));
        return true; // it is said
      },
    });
  });
}

answerWith(({ question }, signal) => {
  const messages = [{ role: "user", content: question }];
  return chat(GATEWAY, current, { model: MODEL, messages }, signal);
});
