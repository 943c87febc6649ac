// Light, dark, or as the system is.

import { draw } from "./dom.js";

const NEXT = { system: "light", light: "dark", dark: "system" };
const NAMES = { system: "as the system", light: "light", dark: "dark" };
const SHAPES = {
  system: [["circle", { cx: 10, cy: 10, r: 7, fill: "none", stroke: "currentColor", "stroke-width": 2 }], ["path", { d: "M10 3a7 7 0 0 1 0 14z", fill: "currentColor" }]],
  light: [["circle", { cx: 10, cy: 10, r: 4, fill: "currentColor" }],
    ["path", { d: "M10 1v2M10 17v2M1 10h2M17 10h2M3.6 3.6l1.5 1.5M14.9 14.9l1.5 1.5M16.4 3.6l-1.5 1.5M5.1 14.9l-1.5 1.5", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round" }]],
  dark: [["path", { d: "M16 12.5A7 7 0 0 1 7.5 4a7 7 0 1 0 8.5 8.5z", fill: "currentColor" }]],
};

export function startTheme(button) {
  const use = theme => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
    button.setAttribute("aria-label", `Colours: ${NAMES[theme]}`);
    button.title = `Colours: ${NAMES[theme]}`;
    button.replaceChildren(draw("svg", { viewBox: "0 0 20 20", width: 20, height: 20, "aria-hidden": "true" },
      ...SHAPES[theme].map(([tag, attributes]) => draw(tag, attributes))));
    button.onclick = () => use(NEXT[theme]);
  };
  const kept = localStorage.getItem("theme");
  use(kept in NEXT ? kept : "system");
}
