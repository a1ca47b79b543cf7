// The curves of a run: read from the server when the page opens, and again whenever the run reports steps.

import { axis, colour, onTheme } from "./charts.js";

// What matters most comes first; the rest follows by name.
const ORDER = ["loss", "accuracy", "reward", "kl", "margin", "length", "eos_rate", "entropy"];
const QUIET = 500;

const area = document.getElementById("charts");
const charts = new Map();
let reading = false;
let again = false;

function rank(name) {
  const place = ORDER.indexOf(name);
  return place === -1 ? ORDER.length : place;
}

function isShown(stage, name) {
  return stage !== "evaluation" && name !== "lr" && !name.startsWith("first/") && !name.startsWith("grad_norm");
}

function draw(stage, name, steps, values) {
  const key = `${stage}/${name}`;
  const data = [steps, values];
  const known = charts.get(key);
  const last = values.findLast((value) => value !== null);
  if (known) {
    known.plot.setData(data);
    known.last.textContent = format(last);
    return;
  }
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const title = document.createElement("span");
  title.textContent = `${area.dataset[stage] ?? stage}: ${name}`;
  const lastValue = document.createElement("span");
  lastValue.className = "numeric";
  lastValue.textContent = format(last);
  caption.append(title, lastValue);
  const box = document.createElement("div");
  box.className = "chart";
  figure.append(caption, box);
  area.append(figure);
  const plot = new window.uPlot(
    {
      width: box.clientWidth || 320,
      height: 176,
      legend: { show: false },
      scales: { x: { time: false } },
      axes: [{ ...axis(), size: 28 }, { ...axis(), size: 48 }],
      series: [{}, { stroke: colour("--accent"), width: 2, spanGaps: true, points: { show: (chart) => chart.data[0].length < 3 } }],
    },
    data,
    box,
  );
  charts.set(key, { plot, last: lastValue, box });
}

function format(value) {
  return typeof value === "number" ? value.toLocaleString(document.documentElement.lang, { maximumSignificantDigits: 4 }) : "";
}

async function read() {
  if (reading) {
    again = true;
    return;
  }
  reading = true;
  try {
    const reply = await fetch(area.dataset.curves, { headers: { Accept: "application/json" } });
    if (reply.ok) show(await reply.json());
  } catch {
    // The next event, or the next reconnect, asks again.
  }
  setTimeout(() => {
    reading = false;
    if (again) {
      again = false;
      read();
    }
  }, QUIET);
}

function show({ stages }) {
  for (const [stage, { steps, values }] of Object.entries(stages)) {
    const names = Object.keys(values).filter((name) => isShown(stage, name));
    names.sort((one, other) => rank(one) - rank(other) || one.localeCompare(other));
    for (const name of names) draw(stage, name, steps, values[name]);
  }
  area.dataset.drawn = String(charts.size);
}

function drawAnew() {
  for (const { plot } of charts.values()) plot.destroy();
  charts.clear();
  area.replaceChildren();
  read();
}

if (area && window.uPlot) {
  read();
  onTheme(drawAnew);
  window.addEventListener("live", ({ detail }) => {
    const mine = detail.run === Number(area.dataset.run);
    if (detail.event === "resync" || (mine && (detail.event === "metric" || detail.event === "run"))) read();
  });
  window.addEventListener("resize", () => {
    for (const { plot, box } of charts.values()) plot.setSize({ width: box.clientWidth, height: 176 });
  });
}
