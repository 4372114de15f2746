// The address, the key and the model come from the form: to try them out.
import { chat } from "./chat.js";
import { answerWith } from "./form.js";

answerWith(({ url, key, model, question }, signal) => {
  const messages = [{ role: "user", content: question }];
  return chat(url, key, { model, messages, max_tokens: 200 }, signal);
});
