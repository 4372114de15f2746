import { html } from "../lib/preact.js";
import { Empty, Heading } from "../lib/ui.js";

export const Page = () => html`<${Heading} title="Health" /><${Empty}>Nothing here yet.<//>`;
