// Rates and latencies of the loop, and what the safety filter has changed.

import { make } from "./dom.js";

export class Vitals {
  constructor(list, interventions) {
    [this.list, this.interventions] = [list, interventions];
    this.hz = 30;
    this.video = null;
    this.show(null);
  }

  // Takes the newest ticks in; the rate is what has been ticked since those before.
  show(ticks) {
    const before = this.ticks;
    this.ticks = ticks;
    const since = ticks && before && ticks.ticks > before.ticks && ticks.command === before.command ? ticks.time - before.time : 0;
    if (since > 0.2) this.rate = (ticks.ticks - before.ticks) / since;
    if (!ticks) this.rate = undefined;
    const rows = [
      ["Loop", this.rate?.toFixed(1), "/s"],
      ["Late, p99", ticks?.late_ms.toFixed(1), "ms", ticks?.late_ms > 1000 / this.hz],
      ["Missed", ticks?.missed, "", ticks?.missed > 0],
      ["Policy", ticks?.policy_ms?.toFixed(0), "ms"],
      ["Planner", ticks?.planner_ms?.toFixed(0), "ms"],
      ["Video", this.video?.toFixed(0), "/s"],
    ];
    this.list.replaceChildren(...rows.map(([name, value, unit, bad]) => make("div", { "data-tone": bad ? "bad" : "", "data-vital": name },
      make("dt", {}, name), make("dd", {}, ...(value === undefined ? ["–"] : [String(value), make("small", {}, unit)])))));
    const causes = Object.entries(ticks?.interventions ?? {}).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
    this.interventions.textContent = ticks
      ? `Safety filter: ${causes.length ? causes.map(([cause, count]) => `${cause} ${count}`).join(", ") + " ticks" : "nothing changed"}` : "";
  }

  // Notes how many frames a second the page draws.
  seen(video) {
    this.video = video;
    this.show(this.ticks ?? null);
  }
}
