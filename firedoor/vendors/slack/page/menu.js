// A button that opens a small menu: arrow keys move in it, Escape and a click elsewhere close it.

import { freshId, h } from "./dom.js";

// `items` is asked when the menu opens: a list of {label, note, act, data}.
export function menu(label, shown, items) {
  const list = h("div", { class: "menu", role: "menu", id: freshId("menu"), popover: "auto", "aria-label": label });
  const button = h("button", { type: "button", class: "opens-menu", "aria-label": label, title: label, "aria-haspopup": "menu", popovertarget: list.id }, shown);
  list.addEventListener("beforetoggle", (event) => {
    button.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "open") list.replaceChildren(...items().map((item) => entry(item, list)));
  });
  list.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    beside(button, list);
    list.querySelector("button")?.focus();
  });
  list.addEventListener("keydown", walk);
  return h("span", { class: "has-menu" }, button, list);
}

function entry({ label, note, act, data }, list) {
  const pressed = () => {
    list.hidePopover();
    act();
  };
  return h("button", { type: "button", role: "menuitem", onclick: pressed, ...data }, h("span", {}, label), note && h("small", {}, note));
}

function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const all = [...event.currentTarget.querySelectorAll("button")];
  if (!step || !all.length) return;
  event.preventDefault();
  all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
}

// Under the button, or above it where there is no room, and never off the screen.
function beside(button, list) {
  const { left, right, top, bottom } = button.getBoundingClientRect();
  const { width, height } = list.getBoundingClientRect();
  const below = bottom + height + 8 < innerHeight;
  list.style.left = `${Math.max(8, Math.min(left, right - width, innerWidth - width - 8))}px`;
  list.style.top = `${below ? bottom + 4 : Math.max(8, top - height - 4)}px`;
}
