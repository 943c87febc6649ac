// Draws the cameras' frames and the boxes in them. Each frame is acknowledged once it is drawn, so that a page which is
// slow, or hidden, gets fewer, never older ones.

import { draw, make } from "./dom.js";

const ANSWER_SHOWN = 12000;

export class Cameras {
  constructor(place) {
    this.place = place;
    this.names = [];
    this.views = [];
    this.box = null;
    this.label = "";
    this.answer = [];
    this.drawn = 0;
  }

  // Shows the cameras of these names, the first one large.
  set(names) {
    if (names.join() === this.names.join()) return;
    this.names = names;
    this.views = names.map(name => {
      const canvas = make("canvas", { role: "img", "aria-label": `Camera ${name}`, width: 4, height: 3 });
      const overlay = draw("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" });
      const caption = make("figcaption", {}, name);
      return { name, canvas, overlay, caption, figure: make("figure", { "data-camera": name }, canvas, overlay, caption) };
    });
    this.place.replaceChildren(...(names.length ? this.views.map(view => view.figure)
      : [make("p", { class: "empty" }, "The cameras show once the robot is there.")]));
    this.mark();
  }

  async show(index, jpeg) {
    const view = this.views[index];
    if (!view) return;
    const picture = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
    if (view.canvas.width !== picture.width || view.canvas.height !== picture.height) {
      [view.canvas.width, view.canvas.height] = [picture.width, picture.height];
    }
    view.canvas.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
    view.canvas.dataset.frames = Number(view.canvas.dataset.frames ?? 0) + 1;
    if (index === 0) this.drawn += 1;
  }

  // Draws the planner's box, normalised to the frame, or none.
  point(box, label) {
    [this.box, this.label] = [box, label];
    this.mark();
  }

  // Draws where the things are that an answer names, for a while.
  explain(boxes) {
    this.answer = Object.values(boxes);
    this.mark();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.answer = []; this.mark(); }, ANSWER_SHOWN);
  }

  mark() {
    for (const view of this.views) {
      const mine = box => box && box.camera === view.name;
      const own = mine(this.box) ? [rectangle(this.box, "plan")] : [];
      view.overlay.replaceChildren(...own, ...this.answer.filter(mine).map(box => rectangle(box, "answer")));
      view.caption.textContent = own.length && this.label ? `${view.name}: ${this.label}` : view.name;
    }
  }
}

function rectangle(box, kind) {
  return draw("rect", { class: kind, x: box.x0, y: box.y0, width: box.x1 - box.x0, height: box.y1 - box.y0 });
}
