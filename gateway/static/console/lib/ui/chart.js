// A chart over time, in stacked bars.
import { compact } from "../format.js";
import { html, useEffect, useRef } from "../preact.js";

/**
 * @typedef {{label: string, values: number[]}} Series
 * @typedef {{title: string, times: number[], series: Series[], step: number, height?: number,
 *   format?: (value: number) => string}} ChartProps
 * `times`: seconds since 1970, `step` seconds apart; each series has a value for each. The chart is
 * a picture: give the numbers in a table too.
 */

const LIBRARY = new URL("../../../vendor/uplot/", import.meta.url);
/** @type {Promise<any> | null} */
let loading = null;

/** The library is no module, and comes when the first chart is shown. */
function library() {
  loading ??= new Promise((resolve, reject) => {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = `${LIBRARY}uPlot.min.css`;
    const script = document.createElement("script");
    script.src = `${LIBRARY}uPlot.iife.min.js`;
    script.onload = () => resolve(/** @type {any} */ (window).uPlot);
    script.onerror = () => reject(new Error("The chart could not be loaded."));
    document.head.append(style, script);
  });
  return loading;
}

/** The value of a CSS variable: a canvas knows none. @param {string} name */
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Each series stands on those before it. @param {Series[]} series */
export function stacked(series) {
  /** @type {number[][]} */
  const sums = [];
  for (const { values } of series) {
    const below = sums.at(-1);
    sums.push(values.map((value, index) => value + (below ? below[index] : 0)));
  }
  return sums;
}

// Days are those of UTC, as they are counted.
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "short", timeZone: "UTC" });

/** @param {unknown} _ @param {number[]} all */
const moments = (_, all) => all.map((at) => (at % 86_400 ? clock : date).format(at * 1000));

/** @param {any} uPlot @param {HTMLElement} place @param {ChartProps} props */
function draw(uPlot, place, { times, series, step, height = 260, format = compact }) {
  const em = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const axis = {
    stroke: color("--quiet"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { stroke: color("--line"), width: 1 },
    font: `${0.75 * em}px ${getComputedStyle(document.body).fontFamily}`,
  };
  const bars = uPlot.paths.bars({ size: [0.8, 60], align: 0 });
  // The highest sum is drawn first, and the others over it.
  const drawn = series.map((one, index) => ({
    label: one.label,
    fill: color(`--series-${index % 8 + 1}`),
    stroke: color("--ground"),
    width: 1 / devicePixelRatio,
    paths: bars,
    points: { show: false },
  })).reverse();
  /** @param {unknown} _ @param {number[]} all */
  const labels = (_, all) => all.map((value) => format(value));
  const most = Math.max(1, ...stacked(series).at(-1) ?? [1]);
  return new uPlot(
    {
      width: place.clientWidth,
      height,
      tzDate: (/** @type {number} */ at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { range: [times[0] - step * 0.6, (times.at(-1) ?? 0) + step * 0.6] },
        y: { range: [0, most * 1.05] },
      },
      axes: [{ ...axis, values: moments }, { ...axis, size: 3.5 * em, values: labels }],
      series: [{}, ...drawn],
    },
    // A bar of no height would rub out the line below it.
    [
      times,
      ...stacked(series).map((sums, row) =>
        sums.map((sum, at) => series[row].values[at] === 0 ? null : sum)
      ).reverse(),
    ],
    place,
  );
}

/** @param {ChartProps} props */
export function Chart(props) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    let gone = false;
    /** @type {any} */
    let chart = null;
    let width = 0;
    const again = () => {
      library().then((uPlot) => {
        if (gone || !place.current) return;
        chart?.destroy();
        chart = draw(uPlot, place.current, props);
      }, () => {});
    };
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    // Calls at once, too; and when the chart itself makes its place higher.
    const size = new ResizeObserver(() => {
      if (place.current && place.current.clientWidth !== width) {
        width = place.current.clientWidth;
        again();
      }
    });
    if (place.current) size.observe(place.current);
    scheme.addEventListener("change", again);
    return () => {
      gone = true;
      size.disconnect();
      scheme.removeEventListener("change", again);
      chart?.destroy();
    };
  }, [props.times, props.series]);
  return html`<figure class="chart">
    <div ref=${place} role="img" aria-label=${props.title}></div>
    <figcaption>${
    props.series.map((one, index) =>
      html`<span class="key"><span class=${`swatch s${index % 8 + 1}`}
        aria-hidden="true"></span>${one.label}</span>`
    )
  }</figcaption>
  </figure>`;
}
