// Charts of the days, drawn from the table beside them: what a chart shows can be read there, too.
// A box with data-chart="NAME" shows the cells with data-NAME of the rows with data-day (seconds since 1970) in the
// nearest [data-days]; data-NAME-low and data-NAME-high are drawn as a band. data-share goes
// from 0 to 1, data-signed from below 0 where there is such a value.

import { axis, colour, onTheme } from "./charts.js";

const HEIGHT = 176;
const charts = new Map();
const lang = document.documentElement.lang || "en";

function column(rows, name) {
  return rows.map((row) => {
    const text = row.querySelector(`[data-${name}]`)?.getAttribute(`data-${name}`);
    return text ? Number(text) : null;
  });
}

function dayOf(seconds) {
  return new Date(seconds * 1000).toLocaleDateString(lang, { timeZone: "UTC", month: "short", day: "numeric" });
}

function draw(box) {
  const name = box.dataset.chart;
  const rows = [...box.closest("[data-days]").querySelectorAll("tr[data-day]")];
  if (!rows.length) return;
  const days = rows.map((row) => Number(row.dataset.day));
  const [values, low, high] = [name, `${name}-low`, `${name}-high`].map((each) => column(rows, each));
  box.dataset.drawn = "yes";
  box.closest("figure").hidden = values.every((value) => value === null);
  if (box.closest("figure").hidden) return;
  const hasBand = low.some((value) => value !== null);
  const line = { stroke: colour("--accent"), width: 2, spanGaps: true, points: { show: days.length < 8 } };
  const edge = { stroke: "transparent", width: 0, points: { show: false } };
  const isShare = box.dataset.share !== undefined;
  const isSigned = box.dataset.signed !== undefined;
  const plot = new window.uPlot(
    {
      width: box.clientWidth || 320,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: true, range: (_, from, to) => (days.length === 1 ? [days[0] - 86_400, days[0] + 86_400] : [from, to]) },
        y: { range: (_, least, most) => (isSigned ? [Math.min(least ?? 0, 0), 1] : isShare ? [0, 1] : [0, Math.max(most ?? 0, 1) * 1.1]) },
      },
      axes: [
        { ...axis(), size: 28, incrs: [1, 2, 7, 14, 28, 91, 182, 364].map((number) => number * 86_400), values: (_, ticks) => ticks.map((tick) => (tick % 86_400 ? "" : dayOf(tick))) },
        { ...axis(), size: 48 },
      ],
      series: hasBand ? [{}, line, edge, edge] : [{}, line],
      bands: hasBand ? [{ series: [3, 2], fill: colour("--accent", 0.18) }] : [],
    },
    hasBand ? [days, values, low, high] : [days, values],
    box,
  );
  charts.set(box, plot);
}

function drawAll() {
  for (const [box, plot] of charts) {
    if (box.isConnected) continue;
    plot.destroy();
    charts.delete(box);
  }
  for (const box of document.querySelectorAll("[data-chart]:not([data-drawn])")) draw(box);
}

// A table that somebody opened stays open when the figures are read anew.
let isOpen = false;
document.addEventListener("htmx:beforeSwap", () => {
  isOpen = Boolean(document.querySelector("[data-days] details[open]"));
});
document.addEventListener("htmx:afterSettle", () => {
  const details = document.querySelector("[data-days] details");
  if (details && isOpen) details.open = true;
});

function drawAnew() {
  for (const [box, plot] of charts) {
    plot.destroy();
    delete box.dataset.drawn;
  }
  charts.clear();
  drawAll();
}

if (window.uPlot) {
  drawAll();
  onTheme(drawAnew);
  document.addEventListener("htmx:afterSettle", drawAll);
  window.addEventListener("resize", () => {
    for (const [box, plot] of charts) plot.setSize({ width: box.clientWidth, height: HEIGHT });
  });
}
