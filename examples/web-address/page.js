// The key is public. Each visitor has a day of their own, by their address.
import { chat } from "./chat.js";
import { answerWith } from "./form.js";
import { GATEWAY, KEY, MODEL } from "./settings.js";

answerWith(({ question }, signal) => {
  const messages = [{ role: "user", content: question }];
  return chat(GATEWAY, KEY, { model: MODEL, messages }, signal);
});
