// What is around every page: the menu, and where the page stands.
import { place, signOut } from "./lib/api.js";
import { html, useEffect, useState } from "./lib/preact.js";
import { href, route } from "./lib/route.js";
import { Empty, ErrorBox, Heading, Loading } from "./lib/ui.js";
import { PAGES } from "./pages.js";

let moved = false;
addEventListener("hashchange", () => moved = true);

export function Shell() {
  const here = PAGES.find((one) => one.name === route.value.page) ?? firstPage();
  const [open, setOpen] = useState(false);

  useEffect(() => {
    document.title = `${here.title} · localllm`;
    setOpen(false);
    scrollTo(0, 0);
  }, [here.name]);

  /** @param {Event} event to the page: the address behind # is the router's */
  const skip = (event) => {
    event.preventDefault();
    focusHeading();
  };

  return html`<a class="skip" href="#" onClick=${skip}>Skip to the page</a>
    <header class="top">
      <a class="brand" href=${href(firstPage().name)}><span class="logo" aria-hidden="true">L</span>
        localllm</a>
      <button type="button" class="menu" aria-expanded=${open ? "true" : "false"}
        aria-controls="menu" onClick=${() => setOpen(!open)}>Menu</button>
      <nav id="menu" class=${open ? "open" : ""} aria-label="Console">
        <ul>${
    PAGES.map((one) =>
      html`<li><a href=${href(one.name)} aria-current=${one === here ? "page" : undefined}>${
        one.title
      }</a></li>`
    )
  }</ul>
        <button type="button" class="plain" onClick=${() => signOut()}>Log out</button>
      </nav>
    </header>
    <main id="page"><${Place} key=${here.name} entry=${here} /></main>`;
}

const firstPage = () => PAGES.find((one) => place.value === "gateway" || !one.gateway) ?? PAGES[0];

const focusHeading = () =>
  /** @type {HTMLElement | null} */ (document.querySelector("main h1"))?.focus();

/** Loads the code of a page when it is first shown. @param {{entry: import("./pages.js").PageEntry}} props */
function Place({ entry }) {
  const [Page, setPage] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const away = entry.gateway && place.value === "function";

  useEffect(() => {
    if (away) return;
    entry.load().then(({ Page }) => setPage(() => Page), setError);
  }, []);
  useEffect(() => {
    // Whoever moves by keyboard or hears the page begins at its title; not when it is first opened,
    // nor if the page has put the focus elsewhere, such as into a window.
    const at = document.activeElement;
    if (Page && moved && (at === document.body || at?.closest("nav"))) focusHeading();
  }, [Page, route.value]);

  if (away) {
    return html`<${Heading} title=${entry.title} />
      <${Empty}>This page needs the gateway itself. You are logged in at the function on Supabase,
        which knows what lives in the database alone: log out, and log in to the gateway.<//>`;
  }
  if (error) return html`<${Heading} title=${entry.title} /><${ErrorBox} error=${error} />`;
  return Page ? html`<${Page} />` : html`<${Loading} />`;
}
