// One place that knows where the libraries are.
import htm from "../../vendor/htm/htm.mjs";
import { h } from "../../vendor/preact/preact.mjs";

export { createContext, Fragment, render } from "../../vendor/preact/preact.mjs";
export {
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "../../vendor/preact/hooks.mjs";
export { batch, computed, effect, signal, useSignal } from "../../vendor/preact-signals/signals.mjs";

/** What is written between the tags becomes text nodes, whatever it holds. */
export const html =
  /** @type {(parts: TemplateStringsArray, ...values: unknown[]) => import("preact").VNode<any>} */ (
    /** @type {any} */ (htm).bind(h)
  );
