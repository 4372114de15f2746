// The state of the gateway, as it tells it: one stream of events for the whole console.
import { place, signedIn, stream } from "./api.js";
import { batch, effect, signal } from "./preact.js";

const FIRST_PAUSE = 500; // ms before the second try, twice as long before each next one
const LONGEST_PAUSE = 10_000;
const SILENCE = 45_000; // ms without a heartbeat after which the connection is taken for dead

/** What `GET /admin/status` says, or null before it was read. */
export const status = signal(/** @type {any} */ (null));

/** `off`: nothing is to be heard, as at the function on Supabase. */
export const connection = signal(/** @type {"off" | "connecting" | "live" | "lost"} */ ("off"));

/** Why it was lost. */
export const trouble = signal(/** @type {unknown} */ (null));

/** @type {Map<string, Set<(data: any) => void>>} */
const listeners = new Map();

/**
 * Call `act` for each event of a kind: `request` (one ended) or `refused`.
 * @param {string} kind
 * @param {(data: any) => void} act
 * @returns {() => void} ends it
 */
export function listen(kind, act) {
  const all = listeners.get(kind) ?? new Set();
  listeners.set(kind, all.add(act));
  return () => all.delete(act);
}

/** @param {import("./http.js").ServerEvent} event */
function hear({ event, data }) {
  if (event !== "status") {
    for (const act of listeners.get(event) ?? []) act(data);
    return;
  }
  batch(() => {
    status.value = data;
    connection.value = "live";
    trouble.value = null;
  });
}

/** @param {AbortSignal} ended */
async function follow(ended) {
  let pause = FIRST_PAUSE;
  while (!ended.aborted) {
    const here = new AbortController();
    const end = () => here.abort();
    ended.addEventListener("abort", end);
    let timer = setTimeout(end, SILENCE);
    const onBytes = () => {
      clearTimeout(timer);
      timer = setTimeout(end, SILENCE);
      pause = FIRST_PAUSE;
    };
    try {
      await stream("/admin/events", hear, { signal: here.signal, onBytes });
      trouble.value = null;
    } catch (problem) {
      if (!here.signal.aborted) trouble.value = problem;
    }
    clearTimeout(timer);
    ended.removeEventListener("abort", end);
    if (ended.aborted) return;
    connection.value = "lost";
    await rest(pause, ended);
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

/** Wait, but not longer than until the network is back. @param {number} ms @param {AbortSignal} ended */
const rest = (ms, ended) =>
  new Promise((done) => {
    const finish = () => {
      clearTimeout(timer);
      removeEventListener("online", finish);
      ended.removeEventListener("abort", finish);
      done(undefined);
    };
    const timer = setTimeout(finish, ms);
    addEventListener("online", finish);
    ended.addEventListener("abort", finish);
  });

// It lasts as long as somebody is logged in at the gateway.
effect(() => {
  if (!signedIn.value || place.value !== "gateway") return;
  const ended = new AbortController();
  connection.value = "connecting";
  follow(ended.signal);
  return () => {
    ended.abort();
    batch(() => {
      connection.value = "off";
      status.value = null;
    });
  };
});

/** Where programs find the gateway: through the tunnel if there is one. */
export const address = () => status.value?.address || location.origin;
