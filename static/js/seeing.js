// Charts drawn from the table beside them: what a chart shows can be read there, too.
// data-chart names one or two columns, data-over what they are drawn over (an attribute of the rows), data-band the
// column whose -low and -high are drawn as a band. The table is in the nearest [data-rows].

import { axis, colour, onTheme } from "./charts.js";

const HEIGHT = 176;
const charts = new Map();

function column(rows, name) {
  return rows.map((row) => {
    const text = row.querySelector(`[data-${name}]`)?.getAttribute(`data-${name}`);
    return text ? Number(text) : null;
  });
}

function draw(box) {
  const { chart, over, band } = box.dataset;
  const rows = [...box.closest("[data-rows]").querySelectorAll(`tr[data-${over}]`)];
  rows.sort((one, other) => one.getAttribute(`data-${over}`) - other.getAttribute(`data-${over}`));
  const at = rows.map((row) => Number(row.getAttribute(`data-${over}`)));
  const names = chart.split(" ");
  const columns = names.map((name) => column(rows, name));
  box.dataset.drawn = "yes";
  if (!columns.some((values) => values.some((value) => value !== null))) {
    box.closest("figure").hidden = true;
    return;
  }
  const colours = ["--accent", "--warn"];
  const series = names.map((_, place) => ({
    stroke: colour(colours[place]),
    width: 2,
    dash: place ? [6, 4] : [],
    spanGaps: true,
    points: { show: rows.length < 30, size: 6, fill: colour(colours[place]) },
  }));
  const bands = [];
  if (band) {
    const edge = { stroke: "transparent", width: 0, points: { show: false } };
    bands.push({ series: [series.length + 2, series.length + 1], fill: colour(colours[names.indexOf(band)], 0.18) });
    columns.push(column(rows, `${band}-low`), column(rows, `${band}-high`));
    series.push(edge, edge);
  }
  const share = box.dataset.share !== undefined;
  const whole = over !== "root";
  const plot = new window.uPlot(
    {
      width: box.clientWidth || 320,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: (_, from, to) => (whole ? [at[0] - 0.4, at.at(-1) + 0.4] : from === to ? [from - 1, to + 1] : [from, to]) },
        y: share ? { range: [0, 1] } : {},
      },
      axes: [
        { ...axis(), size: 28, incrs: whole ? [1, 2, 5, 10, 20, 50, 100] : undefined },
        { ...axis(), size: 52 },
      ],
      series: [{}, ...series],
      bands,
    },
    [at, ...columns],
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
