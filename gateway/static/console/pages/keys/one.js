// One key: what it may do, what it used, and what can be done with it.
import { send } from "../../lib/api.js";
import { ago, day, number, time } from "../../lib/format.js";
import { address } from "../../lib/live.js";
import { html, useState } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Bars, Button, Card, Dialog, Empty, ErrorBox, Facts, Heading } from "../../lib/ui.js";
import { Select, Snippets } from "../../lib/ui.js";
import { KeyForm } from "./form.js";
import { modelOf } from "./made.js";
import { KeyState, stateOf } from "./state.js";

const GRACE = [
  { value: "86400", label: "a day: cached pages still work" },
  { value: "3600", label: "an hour" },
  { value: "604800", label: "a week" },
  { value: "0", label: "not at all: it was stolen" },
];

/**
 * @param {{of: any, onChange: (row: any) => void,
 *   onMade: (made: {row: any, first: string}) => void}} props
 */
export function OneKey({ of, onChange, onMade }) {
  const [doing, setDoing] = useState("");
  const back = html`<a href=${href("keys")}>All keys</a>`;
  if (!of) return html`<${Heading} title="Key" note=${back} /><${Empty}>There is no such key.<//>`;
  const close = () => setDoing("");
  const { usable } = stateOf(of);
  return html`<${Heading} title=${of.label} note=${back}>
      ${!of.revoked_at && html`<${Button} onClick=${() => setDoing("edit")}>Change<//>`}
      ${usable && html`<${Button} onClick=${() => setDoing("rotate")}>Replace<//>`}
      ${!of.revoked_at && html`<${Button} kind="danger" onClick=${() => setDoing("revoke")}>Revoke<//>`}
    <//>
    <div class="cards">
      <${Card} title="This month"><${Bars} used=${of.tokens_used_month} limit=${of.monthly_token_limit}
        text=${`${number(of.tokens_used_month)} of ${number(of.monthly_token_limit)} tokens`} />
        <${Facts} of=${[
    ["State", html`<${KeyState} of=${of} />`],
    ["Begins anew", day(of.month_reset_at)],
    ["Last used", ago(of.last_used_at)],
    ["Made", time(of.created_at)],
    ["Ends", of.expires_at ? time(of.expires_at) : "never"],
  ]} /><//>
      <${Card} title="What it may do"><${Facts} of=${lane(of)} /><//>
      ${of.visitors && html`<${Card} title="Visitors"><${Facts} of=${visitors(of.visitors)} /><//>`}
    </div>
    ${
    usable && html`<${Card} title="Use it" wide note="The key itself cannot be shown again.">
      <${Snippets} address=${address()} apiKey="YOUR_KEY" model=${modelOf(of)} /><//>`
  }
    ${
    doing === "edit" && html`<${Dialog} title=${`Change ${of.label}`} wide onClose=${close}>
      <${KeyForm} of=${of} onCancel=${close} onDone=${(/** @type {any} */ row) => {
      onChange(row);
      close();
    }} /><//>`
  }
    ${
    doing === "rotate" && html`<${Rotate} of=${of} onClose=${close} onDone=${
      (/** @type {any} */ row) => {
        onChange(row);
        close();
        onMade({ row, first: "curl" });
      }
    } />`
  }
    ${
    doing === "revoke" && html`<${Revoke} of=${of} onClose=${close} onDone=${
      (/** @type {any} */ row) => {
        onChange(row);
        close();
      }
    } />`
  }`;
}

/** @param {string[] | null} all @param {string} every */
const names = (all, every) => all === null ? every : all.length ? all.join(", ") : "none";

/** @param {any} of */
const lane = (of) => [
  ["Scopes", of.scopes.join(", ")],
  ["Models", names(of.allowed_models, "every model")],
  ["Websites", names(of.allowed_origins, "every website")],
  ["Requests a minute", number(of.rate_limit_per_min)],
  ["Tokens of one answer", of.max_output_tokens ? number(of.max_output_tokens) : "the server's own"],
  ["Holder", of.owner_email ?? "–"],
  ["Begins with", html`<code>${of.prefix}</code>`],
  ["Id", html`<code>${of.id}</code>`],
];

/** @param {any} of */
const visitors = (of) =>
  Object.entries(of).filter(([, value]) => value != null).map(([name, value]) => [
    name.replaceAll("_", " "),
    typeof value === "number"
      ? number(value)
      : Array.isArray(value)
      ? value.join(", ")
      : typeof value === "object"
      ? html`<code>${JSON.stringify(value)}</code>`
      : String(value),
  ]);

/**
 * A question before something that cannot be undone.
 * @param {{act: () => Promise<any>, onDone: (row: any) => void, onClose: () => void, title: string,
 *   label: string, danger?: boolean, children: import("preact").ComponentChildren}} props
 */
function Asked({ act, onDone, onClose, title, label, danger, children }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  async function go() {
    setBusy(true);
    try {
      onDone(await act());
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  }
  return html`<${Dialog} title=${title} onClose=${onClose}>${children}
    <${ErrorBox} error=${error} />
    <div class="actions"><${Button} kind=${danger ? "danger" : "main"} busy=${busy} onClick=${go}>${
    label
  }<//><${Button} onClick=${onClose}>Leave it<//></div><//>`;
}

/** @param {{of: any, onDone: (row: any) => void, onClose: () => void}} props */
function Rotate({ of, onDone, onClose }) {
  const [grace, setGrace] = useState("86400");
  const act = () =>
    send("POST", `/admin/api-keys/${of.id}/rotate`, { grace_seconds: Number(grace) });
  return html`<${Asked} title=${`Replace the key of ${of.label}`} label="Make a new key" act=${act}
      onDone=${onDone} onClose=${onClose}>
    <p>The new key has the same limits and counts.</p>
    <${Select} label="The old one goes on for" value=${grace} onChange=${setGrace} options=${GRACE} />
  <//>`;
}

/** @param {{of: any, onDone: (row: any) => void, onClose: () => void}} props */
const Revoke = ({ of, onDone, onClose }) =>
  html`<${Asked} title=${`Revoke the key of ${of.label}`} label="Revoke it" danger
      act=${() => send("DELETE", `/admin/api-keys/${of.id}`)} onDone=${onDone} onClose=${onClose}>
    <p>It is refused from now on, and so are those that it replaced and the tokens of its visitors.
      Its usage stays. This cannot be undone.</p>
  <//>`;
