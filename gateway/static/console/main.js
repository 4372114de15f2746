// The console of the owner: begins here.
import { signedIn } from "./lib/api.js";
import { html, render } from "./lib/preact.js";
import { Login } from "./login.js";
import { Shell } from "./shell.js";

const App = () => signedIn.value ? html`<${Shell} />` : html`<${Login} />`;

const place = /** @type {HTMLElement} */ (document.getElementById("app"));
place.textContent = ""; // what was shown until now
render(html`<${App} />`, place);
