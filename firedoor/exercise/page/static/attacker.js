// The attacker's ways in, each with a line of marks: a dot for a second in which it got in, a dash for one in which it was shut out.

import { byId, h } from "/common/dom.js";
import { place } from "/common/keyed.js";

const SVG = "http://www.w3.org/2000/svg";
const STEP = 8;
const HEIGHT = 10;

export class Attacker {
  constructor() {
    this.seconds = new Map();
    addEventListener("resize", () => this.again());
  }

  again() {
    if (this.last) this.show(this.last);
  }

  show(state) {
    this.last = state;
    for (const way of state.ways) {
      const known = this.seconds.get(way.name) ?? new Map();
      for (const [second, ok] of way.seconds) known.set(second, ok);
      this.seconds.set(way.name, known);
    }
    place(
      byId("ways"),
      state.ways.map((way) => ({ key: way.name, make: () => made(way), update: (node) => this.#update(node, way, state) })),
    );
    this.#count(state);
    this.#clocks(state);
  }

  #update(node, way, { now, verdict }) {
    node.dataset.state = way.state;
    const ago = way.last === null ? "" : span((verdict?.at ?? now) - way.last);
    const told = way.state === "dark" ? `dark for ${Math.floor((verdict?.at ?? now) - way.last)} s` : way.state;
    node.querySelector(".state").textContent = told;
    const line = node.querySelector("svg");
    draw(line, this.seconds.get(way.name), Math.floor(verdict?.at ?? now), node.querySelector(".line").clientWidth);
    line.setAttribute("aria-label", `${way.worked} of ${way.tries} tries got in${ago ? `, the last ${ago} ago` : ""}`);
  }

  #count({ ways, alerted, now, meddling, verdict }) {
    const dark = ways.filter((way) => way.state === "dark").length;
    const open = ways.length - dark;
    const counts = `${dark} of ${ways.length} ways in are dark. `;
    if (byId("counts").textContent !== counts) byId("counts").textContent = counts;
    byId("tab-in").textContent = ways.length ? (open ? `${open} in` : "dark") : "";
    byId("meddling").textContent = `Deny pressed from a stolen chat session: ${meddling.tries} times, heeded ${meddling.heeded} times.`;
    if (alerted === null) return;
    byId("since").textContent = clock((verdict?.at ?? now) - alerted);
    byId("since-what").textContent = "since the alert";
  }

  #clocks({ clocks }) {
    place(
      byId("clocks"),
      clocks.map((one) => ({
        key: one.historical,
        make: () => h("div", { title: `Here: ${one.here}` }, h("dt", {}, one.historical), h("dd", {}, `2023: ${one.minutes} min`), h("dd", { class: "here" })),
        update: (node) => (node.querySelector(".here").textContent = one.seconds === null ? "not yet" : span(one.seconds)),
      })),
    );
  }
}

function made(way) {
  const line = document.createElementNS(SVG, "svg");
  line.setAttribute("role", "img");
  line.setAttribute("height", String(HEIGHT));
  return h("li", { "data-way": way.name }, h("span", { class: "name" }, way.name), h("span", { class: "line" }, line), h("span", { class: "state" }));
}

// The last seconds that there is room for.
function draw(line, seconds, now, width) {
  line.setAttribute("width", String(Math.max(width, 0)));
  const count = Math.max(0, Math.floor(width / STEP));
  const marks = [];
  for (let index = 0; index < count; index++) {
    const ok = seconds.get(now - count + 1 + index);
    if (ok !== undefined) marks.push(mark(ok, index * STEP + STEP / 2));
  }
  line.replaceChildren(...marks);
}

function mark(ok, x) {
  const node = document.createElementNS(SVG, ok ? "circle" : "path");
  const attributes = ok ? { cx: x, cy: HEIGHT / 2, r: 3, class: "got-in" } : { d: `M${x - 2.5} ${HEIGHT / 2}h5`, class: "shut-out" };
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds) % 60).padStart(2, "0")}`;
const span = (seconds) => (seconds < 60 ? `${seconds < 10 ? Math.max(0, seconds).toFixed(1) : Math.floor(seconds)} s` : `${clock(seconds)} min`);
