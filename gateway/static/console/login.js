// Where one logs in, with the admin secret.
import { farewell, functionAddress, place, signIn } from "./lib/api.js";
import { html, useState } from "./lib/preact.js";
import { Button, ErrorBox, Select, TextField } from "./lib/ui.js";

const FUNCTION_SECRET = html`What you gave the function as <code>ADMIN_SECRET</code>.`;
const GATEWAY_SECRET = html`Your <code>ADMIN_SECRET</code>. If you set none, it is in the file${" "}
  <code>admin-secret</code>: <code>localllm up</code> says where that is.`;

export function Login() {
  const [secret, setSecret] = useState("");
  const [at, setAt] = useState(place.value);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const [busy, setBusy] = useState(false);

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    // Not from the state: who fills it in for the owner may be faster than that.
    const form = /** @type {any} */ (event.currentTarget);
    const shown = form.querySelector("input").value.trim();
    setBusy(true);
    setError(null);
    try {
      await signIn(at, shown);
    } catch (problem) {
      const wrong = /** @type {any} */ (problem)?.code === "invalid_admin_secret";
      setError(wrong ? "This is not the admin secret." : problem); // who typed it knows no header
      setBusy(false);
    }
  }

  return html`<main class="login">
    <h1>localllm console</h1>
    <p class="quiet">For the owner of this machine. Who holds a key sees their own use at${" "}
      <a href="/account">/account</a>.</p>
    ${farewell.value && html`<p role="status">${farewell.value}</p>`}
    <form onSubmit=${submit}>
      ${
    functionAddress &&
    html`<${Select} label="Talk with" value=${at} onChange=${setAt} options=${[
      { value: "gateway", label: "this gateway" },
      { value: "function", label: `the function on Supabase (${functionAddress})` },
    ]} hint="Keys, use, requests and presets are the same at both. The function answers also while
        this machine cannot reach its database." />`
  }
      <${TextField} label="Admin secret" type="password" value=${secret} onInput=${setSecret}
        autocomplete="off" autocapitalize="off" spellcheck=${false} required autofocus
        hint=${at === "function" ? FUNCTION_SECRET : GATEWAY_SECRET} />
      <${ErrorBox} error=${error} />
      <${Button} submit kind="main" busy=${busy}>Log in<//>
    </form>
    <p class="quiet">It is kept in this tab alone, until you close it or log out.</p>
  </main>`;
}
