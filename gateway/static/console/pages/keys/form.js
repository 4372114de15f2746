// The form of a key: to make one, or to change one.
import { send } from "../../lib/api.js";
import { status } from "../../lib/live.js";
import { html, useEffect, useRef, useState } from "../../lib/preact.js";
import { Button, ErrorBox, TextField } from "../../lib/ui.js";
import { bodyOf, changesOf, EMPTY, formOf, KINDS, SCOPES } from "./fields.js";
import { VisitorFields } from "./visitors.js";

/** @typedef {import("./fields.js").Form} Form */

/**
 * `of`: the key to change; without it, one is made. `onDone` gets it, and the name of the snippet
 * that its holder probably wants.
 * @param {{of?: any, onDone: (row: any, snippet: string) => void, onCancel: () => void}} props
 */
export function KeyForm({ of, onDone, onCancel }) {
  const [form, setForm] = useState(of ? formOf(of) : EMPTY);
  const [kind, setKind] = useState("");
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const place = useRef(/** @type {HTMLFormElement | null} */ (null));
  const shown = error?.param in form || error?.param === "visitors"; // at its field
  useEffect(() => {
    const field = /** @type {HTMLElement | null | undefined} */ (
      place.current?.querySelector("[aria-invalid]")
    );
    field?.focus();
  }, [error]);

  /** @param {Partial<Form>} changes */
  const change = (changes) => setForm((old) => ({ ...old, ...changes }));
  /** @param {typeof KINDS[number]} chosen */
  const choose = (chosen) => {
    setKind(chosen.name);
    const { label, owner_email, allowed_models, allowed_origins, expires_at } = form;
    const by = chosen.form.by === "address" && !tellsAddresses() ? { by: "none" } : {};
    change({
      ...EMPTY,
      ...{ label, owner_email, allowed_models, allowed_origins, expires_at },
      ...chosen.form,
      ...by,
    });
  };

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onDone(await save(form, of), KINDS.find((one) => one.name === kind)?.snippet ?? "curl");
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  }

  /** @param {keyof Form} name */
  const bound = (name) => ({
    value: form[name],
    onInput: (/** @type {string} */ value) => change({ [name]: value }),
    error: error?.param === name ? error.message : null,
  });

  return html`<form ref=${place} onSubmit=${submit} novalidate>
    ${!of && html`<${Kinds} chosen=${kind} onChoose=${choose} />`}
    <div class="pair">
      <${TextField} label="Name" ...${bound("label")} required autofocus maxlength="100"
        hint="What it is for; the holder sees it too." />
      <${TextField} label="E-mail of the holder" type="email" ...${bound("owner_email")} />
    </div>
    <fieldset><legend>Limits</legend><div class="pair">
      <${TextField} label="Tokens a month" inputmode="numeric" ...${bound("monthly_token_limit")}
        hint=${of ? "" : "Empty: what this server gives new keys"} />
      <${TextField} label="Requests a minute" inputmode="numeric" ...${bound("rate_limit_per_min")}
        hint=${of ? "" : "Empty: what this server gives new keys"} />
      <${TextField} label="Tokens of one answer" inputmode="numeric"
        ...${bound("max_output_tokens")} hint="Empty: as many as this server allows" />
      <${TextField} label="Ends after" type="date" ...${bound("expires_at")}
        hint="Empty: never. That day in UTC is its last." />
    </div></fieldset>
    <fieldset><legend>What it may do</legend>
      <${Scopes} chosen=${form.scopes} onChange=${
    (/** @type {string[]} */ scopes) => change({ scopes })
  } />
      ${error?.param === "scopes" && html`<p class="wrong" role="alert">${error.message}</p>`}
      <div class="pair">
        <${TextField} label="Models" rows="2" ...${bound("allowed_models")}
          hint="One a line, such as qwen2.5:* or @preset/faq. Empty: every model; none: no model." />
        <${TextField} label="Websites" rows="2" ...${bound("allowed_origins")}
          hint="One a line, such as https://blog.example. Empty: every website." />
      </div>
    </fieldset>
    <${VisitorFields} form=${form} change=${change} bound=${bound} error=${error}
      tellsAddresses=${tellsAddresses()} />
    <${ErrorBox} error=${shown ? null : error} />
    <div class="actions"><${Button} submit kind="main" busy=${busy}>${
    of ? "Save" : "Make the key"
  }<//><${Button} onClick=${onCancel}>Cancel<//></div>
  </form>`;
}

/** Whether visitors can be told apart by address: a tunnel says where they are. */
function tellsAddresses() {
  const tunnel = status.value?.tunnel;
  return !tunnel || tunnel.state !== "none" || Boolean(tunnel.hostname);
}

/** @param {Form} form @param {any} of */
async function save(form, of) {
  const body = bodyOf(form);
  if (!of) return await send("POST", "/admin/api-keys", body);
  // Its last day is shown, not the time of day: what was not changed stays exactly as it was.
  if (form.expires_at === formOf(of).expires_at) body.expires_at = of.expires_at;
  if (form.by !== "json" && form.by === formOf(of).by) {
    body.visitors = { ...of.visitors, ...body.visitors };
    if (form.by === "none") body.visitors = null;
  }
  const changes = changesOf(body, of);
  if (Object.keys(changes).length === 0) return of;
  return await send("PATCH", `/admin/api-keys/${of.id}`, changes);
}

/** @param {{chosen: string, onChoose: (kind: typeof KINDS[number]) => void}} props */
const Kinds = ({ chosen, onChoose }) =>
  html`<div class="kinds" role="group" aria-label="Begin with">${
    KINDS.map((one) =>
      html`<button type="button" aria-pressed=${one.name === chosen ? "true" : "false"}
        onClick=${() => onChoose(one)}><strong>${one.label}</strong><span>${one.text}</span></button>`
    )
  }</div>`;

/** @param {{chosen: string[], onChange: (scopes: string[]) => void}} props */
const Scopes = ({ chosen, onChange }) =>
  html`<div class="checks">${
    SCOPES.map(({ name, text }) =>
      html`<label class="check"><input type="checkbox" checked=${chosen.includes(name)}
        onChange=${() =>
        onChange(
          SCOPES.map((one) => one.name).filter((one) =>
            one === name ? !chosen.includes(name) : chosen.includes(one)
          ),
        )} /><span>${text} <code class="quiet">${name}</code></span></label>`
    )
  }</div>`;
