// The page: passes on between the server and what is shown. All that is shown follows from what the server says.

import { Cameras } from "./cameras.js";
import { Talk, View } from "./connection.js";
import { find, make } from "./dom.js";
import { Scene } from "./scene.js";
import { Timeline } from "./timeline.js";
import { startTheme } from "./theme.js";
import { Vitals } from "./vitals.js";

const ROBOTS = { so101_sim: "simulation", so101_bus_twin: "bus twin", so101: "real SO-101" };
const SEEDS = 1_000_000;
const TYPED = "input:not([type=button]), textarea, select";

let you = null, state = {}, people = {}, connected = false, newest = 0, running = null;
const cameras = new Cameras(find("cameras"));
const vitals = new Vitals(find("vitals"), find("interventions"));
const timeline = new Timeline(find("timeline"), text => { find("spoken").textContent = text; });
const scene = new Scene(find("scene"));
const talk = new Talk(hear, () => { connected = false; render(); });
const view = new View((index, jpeg) => cameras.show(index, jpeg), poses => scene.move(poses));
startTheme(find("theme"));

// -- what the server says ---------------------------------------------------------------------------------------------

function hear(message) {
  switch (message.kind) {
    case "hello":
      [connected, you, state, people] = [true, message.you, message.state, message.people];
      timeline.clear();
      for (const entry of message.entries) take(entry, false);
      if (!message.entries.length) newest = 0;
      vitals.show(message.ticks);
      point(message.box);
      break;
    case "entry": take(message.entry, true); break;
    case "state": changeState(message.state); break;
    case "people": people = message.people; break;
    case "ticks": vitals.show(message.ticks); return;
    case "box": point(message.box); return;
    case "notice": find("notice").textContent = message.text; break;
  }
  render();
}

function take(entry, fresh) {
  timeline.add(entry, fresh);
  newest = entry.n;
  if (entry.event === "subgoalchanged") {
    running = entry.subgoal.text;
    point(cameras.box);
  }
  if (fresh && entry.event === "answer") cameras.explain(entry.boxes);
  if (fresh && (entry.event === "accepted" || entry.event === "resumed")) find("notice").textContent = "";
}

function changeState(next) {
  const another = next.scene !== state.scene;
  state = next;
  if (another && find("space").open) loadScene();
}

function point(box) { cameras.point(box, running); }

// -- what is shown ----------------------------------------------------------------------------------------------------

const inCommand = () => connected && people.commander === you;

function render() {
  const [tone, text] = summary();
  find("status").dataset.tone = tone;
  find("status-text").textContent = text;
  document.title = `${text} · vla console`;
  const count = people.present?.length ?? 0;
  find("people").textContent = connected ? `You are person ${you}${count > 1 ? ` of ${count} here` : ""}` : "";
  const stopped = Boolean(state.stopped);
  find("stop").toggleAttribute("data-pressed", stopped && connected);
  find("stop").firstElementChild.textContent = stopped && connected ? "Stopped" : "Stop";
  find("banners").replaceChildren(...banners());
  const able = inCommand() && state.phase === "ready";
  for (const control of document.querySelectorAll(".command input, .command button, #scene-form *, #record")) control.disabled = !able;
  for (const control of document.querySelectorAll("#robot-form *")) control.disabled = !inCommand() || state.phase === "starting";
  if (able && state.seed === null) for (const id of ["seed", "randomise"]) find(id).disabled = true;
  renderSetup();
  cameras.set(state.cameras ?? []);
  if (state.control_hz) vitals.hz = state.control_hz;
}

function summary() {
  if (!connected) return ["bad", "No connection"];
  if (state.stopped) return ["bad", "Stopped"];
  if (state.phase === "starting") return ["warn", "Loading"];
  if (state.phase === "failed") return ["bad", "No robot"];
  return state.command === null ? ["good", "Ready"] : ["busy", "Running"];
}

function banners() {
  const list = [];
  const add = (tone, title, text, ...buttons) =>
    list.push(make("div", { class: "banner", "data-tone": tone }, make("p", {}, make("strong", {}, title), ` ${text}`), ...buttons));
  const button = (text, id, onclick, primary) => make("button", { type: "button", id, class: primary ? "primary" : "plain", onclick }, text);
  if (!connected) {
    add("bad", "No connection to the console.", "What is shown may be old, and Stop may not reach the arm.");
    return list;
  }
  if (state.stopped) {
    const may = inCommand() && state.phase === "ready";
    add("bad", "The arm is stopped:", `${state.stopped}. It moves again after a resume, with the next command.`,
      ...(may ? [button("Resume", "resume", () => talk.say({ do: "resume" }))] : []));
  }
  if (state.phase === "starting") add("warn", "Loading.", `${state.robot ? `${ROBOTS[state.robot]}: ` : ""}${state.message || "wait"}`);
  if (state.phase === "failed") add("bad", "There is no robot:", `${state.message}. Choose one below.`);
  if (people.commander !== you) {
    const absent = !people.commander_present, asked = people.asking?.includes(you);
    add("warn", absent ? "Nobody is in command." : `Person ${people.commander} is in command.`, "You see what they see, and you can stop the arm.",
      asked ? make("span", { class: "muted" }, "Asked") :
        button(absent ? "Take command" : "Ask for command", "ask-command", () => talk.say({ do: "ask for command" })));
  } else {
    for (const other of people.asking ?? []) {
      add("busy", `Person ${other}`, "asks for command.", button("Hand over", `hand-over-${other}`, () => talk.say({ do: "hand over", to: other }), true),
        button("Keep", `keep-${other}`, () => talk.say({ do: "decline" })));
    }
  }
  return list;
}

function renderSetup() {
  const { robots = [], robot } = state;
  if (find("robot").options.length !== robots.length) {
    find("robot").replaceChildren(...robots.map(name => make("option", { value: name }, ROBOTS[name] ?? name)));
    find("robot").value = robot;
  }
  if (renderSetup.robot !== robot) [renderSetup.robot, find("robot").value, find("port").value] = [robot, robot, state.port || find("port").value];
  showPort();
  const seed = state.seed ?? "";
  if (renderSetup.seed !== seed) [renderSetup.seed, find("seed").value] = [seed, seed];
  find("record").setAttribute("aria-pressed", String(Boolean(state.recording)));
  find("record").lastElementChild.textContent = state.recording ? "Recording" : "Record";
  find("parts").textContent = state.planner ? `${ROBOTS[robot]}, planner ${state.planner}, policy ${state.policy}` : "";
  const shown = JSON.stringify([state.examples, inCommand() && state.phase === "ready"]);
  if (renderSetup.examples !== shown) {
    renderSetup.examples = shown;
    const chip = text => make("button", { type: "button", disabled: !inCommand() || state.phase !== "ready", onclick: () => order(text) }, text);
    find("examples").replaceChildren(...(state.examples ?? []).map(text => make("li", {}, chip(text))));
  }
}

function showPort() {
  for (const element of document.querySelectorAll(".real")) element.hidden = find("robot").value !== "so101";
}

// -- what people do ---------------------------------------------------------------------------------------------------

function order(text) {
  find("notice").textContent = "";
  talk.say({ do: "command", text });
}

find("stop").addEventListener("click", () => talk.stop());

// The space bar stops, wherever the focus is, but for places in which one types; Escape stops there, too.
addEventListener("keydown", event => {
  const typing = event.target.matches?.(TYPED);
  if (event.key !== "Escape" && (event.key !== " " || typing)) return;
  event.preventDefault();
  if (!event.repeat) talk.stop();
}, { capture: true });
addEventListener("keyup", event => {
  if (event.key === " " && !event.target.matches?.(TYPED)) event.preventDefault(); // a button is not pressed, too
}, { capture: true });

find("command").addEventListener("submit", event => {
  event.preventDefault();
  order(find("text").value);
  find("text").value = "";
  back = 0;
});
find("ask").addEventListener("click", () => {
  find("notice").textContent = "";
  talk.say({ do: "question", text: find("text").value });
});

let back = 0;
find("text").addEventListener("keydown", event => {
  const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const typed = timeline.instructions;
  back = Math.min(typed.length, Math.max(0, back + step));
  find("text").value = back ? typed[typed.length - back] : "";
});

find("scene-form").addEventListener("submit", event => {
  event.preventDefault();
  const seed = find("seed").value.trim();
  talk.say({ do: "reset", seed: seed === "" ? null : Number(seed) });
});
find("randomise").addEventListener("click", () => talk.say({ do: "reset", seed: Math.floor(Math.random() * SEEDS) }));
find("record").addEventListener("click", () => talk.say({ do: "record", on: !state.recording }));
find("robot").addEventListener("change", showPort);
find("robot-form").addEventListener("submit", event => {
  event.preventDefault();
  talk.say({ do: "robot", name: find("robot").value, port: find("port").value });
});

// -- space ------------------------------------------------------------------------------------------------------------

find("space").addEventListener("toggle", () => {
  if (find("space").open) loadScene();
  else view.want({ scene: false });
});

async function loadScene() {
  if (!scene.start()) {
    find("space-note").textContent = "This browser has no WebGL, which the view needs.";
    return;
  }
  const reply = await fetch("/scene");
  find("space-note").textContent = reply.ok ? "" : "There is nothing to show yet.";
  if (!reply.ok) return;
  scene.load(await reply.json());
  view.want({ scene: true });
}

setInterval(() => {
  vitals.seen(cameras.drawn / 2);
  cameras.drawn = 0;
}, 2000);
render();
