// The pages, in the order of the menu. `gateway`: it needs the gateway itself, and says so where
// the console talks with the function on Supabase.

/**
 * @typedef {{name: string, title: string, gateway?: boolean,
 *   load: () => Promise<{Page: () => import("preact").VNode}>}} PageEntry
 * @type {PageEntry[]}
 */
export const PAGES = [
  { name: "now", title: "Now", gateway: true, load: () => import("./pages/now.js") },
  { name: "keys", title: "Keys", load: () => import("./pages/keys.js") },
  { name: "usage", title: "Usage", load: () => import("./pages/usage.js") },
  { name: "requests", title: "Requests", load: () => import("./pages/requests.js") },
  { name: "models", title: "Models", gateway: true, load: () => import("./pages/models.js") },
  { name: "presets", title: "Presets", load: () => import("./pages/presets.js") },
  {
    name: "playground",
    title: "Playground",
    gateway: true,
    load: () => import("./pages/playground.js"),
  },
  { name: "health", title: "Health", gateway: true, load: () => import("./pages/health.js") },
];
