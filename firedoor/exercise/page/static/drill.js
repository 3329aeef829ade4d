// The drill's page: who one is, which pane is shown, and the news that come in.

import { byId, h } from "/common/dom.js";
import { place } from "/common/keyed.js";
import { Attacker } from "./attacker.js";
import { Terminal } from "./terminal.js";

const PANES = ["slack", "attacker", "terminal"];

class Page {
  constructor(drill) {
    this.drill = drill;
    byId("title").textContent = drill.title;
    document.title = `Drill: ${drill.title}`;
    this.attacker = new Attacker();
    this.terminal = drill.terminal ? new Terminal() : null;
    byId("terminal").hidden = !this.terminal;
    for (const tab of document.querySelectorAll("#tabs button")) {
      tab.hidden = tab.dataset.pane === "terminal" && !this.terminal;
      tab.addEventListener("click", () => this.#pane(tab.dataset.pane));
    }
    this.#pane("slack");
    const asked = new URLSearchParams(location.search).get("as");
    this.#be(drill.people.find((one) => one.id === asked) ?? drill.people[0]);
    this.#listen();
  }

  // On a phone one pane at a time; the style sheet shows them all where there is room.
  #pane(shown) {
    document.body.dataset.pane = shown;
    this.attacker.again(); // its lines are as long as there is room
    for (const name of PANES) document.querySelector(`#tabs [data-pane=${name}]`).setAttribute("aria-pressed", String(name === shown));
  }

  #be(person) {
    this.person = person;
    history.replaceState(null, "", `?as=${encodeURIComponent(person.id)}`);
    byId("whose").textContent = person.name;
    const address = `${this.drill.slack}as/${encodeURIComponent(person.id)}`;
    byId("slack").replaceChildren(h("iframe", { src: address, title: `Slack of ${person.name}`, sandbox: "allow-scripts allow-same-origin allow-forms" }));
    this.terminal?.be(person.id);
    this.#drawPeople();
  }

  #drawPeople() {
    const pressed = (one) => String(one === this.person);
    const make = (one) => () =>
      h("button", { type: "button", "data-person": one.id, onclick: () => one !== this.person && this.#be(one) }, h("strong", {}, one.name), h("small", {}, ` ${one.does}`));
    place(
      byId("you"),
      this.drill.people.map((one) => ({ key: one.id, make: make(one), update: (node) => node.setAttribute("aria-pressed", pressed(one)) })),
    );
  }

  #listen() {
    const news = new EventSource("/events");
    news.onmessage = ({ data }) => {
      const state = JSON.parse(data);
      this.attacker.show(state);
      if (state.verdict) this.#over(state.verdict);
      if (state.over) {
        news.close();
        this.terminal?.end();
      }
    };
    news.onerror = () => {
      if (!byId("over").textContent) byId("over").textContent = "The drill does not answer. What you see is how it was last.";
    };
    news.onopen = () => {
      byId("over").textContent = "";
    };
  }

  #over({ outcome, locked_out: locked }) {
    const words = locked ? "The attacker is locked out." : "The attacker is STILL IN.";
    byId("over").textContent = `The drill is over: ${outcome}. ${words}`;
    byId("over").classList.toggle("well", locked);
  }
}

fetch("/drill")
  .then((reply) => reply.json())
  .then((drill) => new Page(drill))
  .catch(() => (byId("over").textContent = "The drill does not answer."));
