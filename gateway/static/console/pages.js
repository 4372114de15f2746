// The pages, in the order of the menu. `machine`: it needs the gateway itself, and says so where
// the console talks with the function on Supabase.

/**
 * @typedef {{name: string, title: string, machine?: boolean,
 *   load: () => Promise<{Page: () => import("preact").VNode}>}} PageEntry
 * @type {PageEntry[]}
 */
export const PAGES = [
  { name: "now", title: "Now", machine: true, load: () => import("./pages/now.js") },
  { name: "keys", title: "Keys", load: () => import("./pages/keys.js") },
  { name: "health", title: "Health", machine: true, load: () => import("./pages/health.js") },
];
