// The token of the visitor's log-in is the key: the gateway knows your Supabase project by it.
import { chat } from "./chat.js";
import { answerWith } from "./form.js";
import { GATEWAY, MODEL, PUBLISHABLE_KEY, SUPABASE } from "./settings.js";

const { auth } = window.supabase.createClient(SUPABASE, PUBLISHABLE_KEY);
const [login, who, name, anonymous, leave, problem] = [
  "login", "who", "name", "anonymous", "leave", "problem",
].map((id) => document.getElementById(id));

async function current(again) {
  const { data, error } = await (again ? auth.refreshSession() : auth.getSession());
  if (error || !data.session) throw new Error("Log in first.");
  return data.session.access_token;
}

answerWith(({ question }, signal) => {
  const messages = [{ role: "user", content: question }];
  return chat(GATEWAY, current, { model: MODEL, messages }, signal);
});

auth.onAuthStateChange((_, session) => {
  login.hidden = Boolean(session);
  who.hidden = !session;
  name.textContent = session ? session.user.email || "Without an account" : "";
});

/** What an attempt to log in or out comes to. */
async function shown(attempt) {
  const { error } = await attempt;
  problem.textContent = error ? error.message : "";
}

login.addEventListener("submit", (event) => {
  event.preventDefault();
  shown(auth.signInWithPassword(Object.fromEntries(new FormData(login))));
});
anonymous.addEventListener("click", () => shown(auth.signInAnonymously()));
leave.addEventListener("click", () => shown(auth.signOut()));
