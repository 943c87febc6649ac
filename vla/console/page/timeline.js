// What has been asked for, and what became of it: the same for everybody, whenever the page is opened.

import { draw, make } from "./dom.js";

const MARKS = {
  ahead: [["circle", { cx: 8, cy: 8, r: 2 }]],
  planned: [["circle", { cx: 8, cy: 8, r: 5.5, "stroke-dasharray": "2 3" }]],
  running: [["circle", { cx: 8, cy: 8, r: 5.5 }], ["circle", { cx: 8, cy: 8, r: 1.5 }]],
  reached: [["path", { d: "M3 8.5l3.5 3.5L13 4.5" }]],
  failed: [["path", { d: "M4 4l8 8M12 4l-8 8" }]],
  timeout: [["circle", { cx: 8, cy: 8, r: 5.5 }], ["path", { d: "M8 5v3l2 2" }]],
  refused: [["circle", { cx: 8, cy: 8, r: 5.5 }], ["path", { d: "M4 12l8-8" }]],
};
const WORDS = { ahead: "to come", timeout: "out of time" };
const TONES = { success: "good", failure: "bad", refused: "bad", stopped: "warn", superseded: "" };
const SHOWN = 60;

export class Timeline {
  constructor(list, speak) {
    this.list = list;
    this.speak = speak;
    this.clear();
  }

  clear() {
    this.tasks = new Map();
    this.instructions = [];
    this.list.replaceChildren(make("li", { class: "empty" }, "Nothing has been asked for yet."));
  }

  // Takes an entry of the journal in; `fresh` ones are spoken.
  add(entry, fresh = true) {
    const task = this.tasks.get(entry.command);
    switch (entry.event) {
      case "accepted":
        this.instructions.push(entry.instruction);
        this.begin(entry);
        break;
      case "subgoalchanged":
        if (!task) break;
        task.steps.set(entry.number, entry);
        task.ahead = entry.subgoal.ahead ?? [];
        this.show(task);
        break;
      case "refused":
        if (!task) break;
        task.refusal = entry.reason;
        this.show(task);
        break;
      case "holding":
        if (!task) break;
        task.holding = entry.reason;
        this.show(task);
        break;
      case "finished":
        if (!task) break;
        task.end = entry;
        task.holding = "";
        this.show(task);
        break;
      default:
        this.line(entry);
    }
    const text = fresh ? spoken(entry) : "";
    if (text) this.speak(text);
  }

  begin(entry) {
    const task = { entry, steps: new Map(), ahead: [], holding: "", refusal: "", end: null, item: make("li") };
    this.tasks.set(entry.command, task);
    this.put(task.item);
    this.show(task);
  }

  line(entry) {
    const text = spoken(entry);
    if (text) this.put(make("li", { class: "event", "data-event": entry.event }, clock(entry.time), make("span", {}, text)));
  }

  put(item) {
    this.list.querySelector(".empty")?.remove();
    this.list.prepend(item);
    while (this.list.children.length > SHOWN) this.list.lastElementChild.remove();
  }

  show(task) {
    const { entry, end } = task;
    const state = end ? end.outcome : task.holding ? "waiting" : "running";
    const tone = end ? TONES[end.outcome] : "busy";
    const steps = [...task.steps.values()].map(step => row(step.state, step.subgoal.text, step.seconds, step.reason));
    if (!end) steps.push(...task.ahead.map(text => row("ahead", text)));
    const told = [...task.steps.values()].at(-1)?.reason;
    const reason = task.refusal || (end && end.outcome !== "success" ? end.reason : "") || (end ? "" : task.holding);
    const why = reason === told ? "" : reason;
    if (why) steps.push(row(task.refusal ? "refused" : end ? "failed" : "planned", why));
    task.item.dataset.outcome = end ? end.outcome : "";
    task.item.replaceChildren(
      make("div", { class: "task" }, clock(entry.time), make("strong", {}, entry.instruction),
        make("span", { class: "badge", "data-tone": tone }, end ? `${state}, ${end.seconds.toFixed(1)} s` : state)),
      make("ol", { class: "steps" }, ...steps));
  }
}

function row(state, text, seconds, reason) {
  const mark = draw("svg", { class: "mark", viewBox: "0 0 16 16", "aria-hidden": "true" },
    ...MARKS[state].map(([tag, attributes]) => draw(tag, attributes)));
  const how = `${WORDS[state] ?? state}${seconds ? ` ${seconds.toFixed(1)} s` : ""}`;
  return make("li", { "data-state": state }, mark, make("span", { class: "what" }, text), make("span", { class: "how" }, how),
    reason ? make("span", { class: "why" }, reason) : null);
}

function clock(time) {
  const text = new Date(1000 * time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return make("time", {}, text);
}

function spoken(entry) {
  switch (entry.event) {
    case "subgoalchanged": return entry.state === "running" ? "" : `${entry.subgoal.text}: ${entry.state}`;
    case "finished": return `${entry.instruction}: ${entry.outcome}${entry.reason ? `, ${entry.reason}` : ""}`;
    case "refused": return `refused: ${entry.reason}`;
    case "stopped": return `Stopped: ${entry.cause}`;
    case "resumed": return "Resumed";
    case "reset": return `Scene of seed ${entry.seed}`;
    case "fault": return `${entry.part}: ${entry.message}`;
    case "answer": return `“${entry.question}” ${entry.text}`;
    case "note": return entry.text;
    default: return "";
  }
}
