// The page of somebody who holds a key, or the token of a website's visitor. It asks what the key
// itself may ask, and keeps the key for this tab.
import { holder } from "../console/chat/ask.js";
import { html, render, useCallback, useEffect, useMemo, useState } from "../console/lib/preact.js";
import { ErrorBox, Heading, Loading } from "../console/lib/ui.js";
import { KeyForm } from "./key_form.js";
import { Limits } from "./limits.js";
import { Models } from "./models.js";
import { Use } from "./use.js";
import { explain } from "./words.js";

const KEPT = "localllm.key";

function App() {
  const [key, setKey] = useState(sessionStorage.getItem(KEPT) ?? "");
  const [report, setReport] = useState(/** @type {any} */ (null));
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const [changed, setChanged] = useState(0);
  const server = useMemo(() => holder(key), [key]);
  const again = useCallback(() => setChanged((count) => count + 1), []);

  useEffect(() => {
    if (!key) return;
    let gone = false;
    setBusy(true);
    server.get("/v1/usage").then((told) => {
      if (gone) return;
      sessionStorage.setItem(KEPT, key);
      setReport(told);
      setError("");
    }, (problem) => {
      if (gone) return;
      setError(explain(problem));
      if (problem.status === 401) forget();
    }).finally(() => !gone && setBusy(false));
    return () => void (gone = true);
  }, [server, changed]);

  function forget() {
    sessionStorage.removeItem(KEPT);
    setReport(null);
    setKey("");
  }

  /** @param {string} given */
  function enter(given) {
    setError("");
    setKey(given);
    again();
  }

  if (report === null) {
    return html`<${Heading} title="Your key"
      note="What your key may do on this server, and what is left." />
      ${
      key && busy && !error
        ? html`<${Loading} />`
        : html`<${KeyForm} onKey=${enter} busy=${busy} error=${error} />`
    }`;
  }
  return html`<${Heading} title=${report.key?.label ?? "A visitor's token"}
    note=${report.key ? `Key ${report.key.prefix}…` : "What one visitor of a website may use."}>
      <button type="button" onClick=${again} disabled=${busy}>Look again</button>
      <button type="button" onClick=${forget}>Forget the key</button>
    <//>
    <${ErrorBox} error=${error} />
    <div class="cards">
      <${Limits} report=${report} />
      <${Models} server=${server} apiKey=${key} onUsed=${again}
        used=${report.by_day?.at(-1)?.model ?? ""}>
        <${Use} server=${server} changed=${changed} />
      <//>
    </div>`;
}

const place = document.querySelector("main");
if (place) render(html`<${App} />`, place);
