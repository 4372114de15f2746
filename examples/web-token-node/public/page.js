// The key stays on the server, which gives this page a token for its visitor.
import { chat } from "./chat.js";
import { answerWith } from "./form.js";
import { GATEWAY, MODEL } from "./settings.js";

let token; // of this visitor; ends after some minutes

async function current(again) {
  if (again || !token) {
    const response = await fetch("token", { method: "POST" });
    if (!response.ok) throw new Error("This website cannot let you ask at the moment.");
    ({ token } = await response.json());
  }
  return token;
}

answerWith(({ question }, signal) => {
  const messages = [{ role: "user", content: question }];
  return chat(GATEWAY, current, { model: MODEL, messages }, signal);
});
