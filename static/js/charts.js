// What all charts share: colours, and the theme that they follow.

// A canvas knows no light-dark() and no variables: an element is asked what they come to.
export function colour(name, alpha = 1) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  const [red, green, blue] = found.match(/[\d.]+/g).map(Number);
  return alpha === 1 || !found.startsWith("rgb") ? found : `rgb(${red} ${green} ${blue} / ${alpha})`;
}

// Charts keep the colours that they were drawn in: they are drawn anew when somebody, or the evening, changes the theme.
export function onTheme(draw) {
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

const lang = document.documentElement.lang || "en";

// An axis in the colours of the page, with numbers as its language writes them.
export const axis = () => ({
  stroke: colour("--text-muted"),
  grid: { stroke: colour("--line"), width: 1 },
  ticks: { show: false },
  values: (_, ticks) => ticks.map((tick) => tick?.toLocaleString(lang) ?? ""),
});
