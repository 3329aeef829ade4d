// The person's own terminal: what waits for their signature, and the signing of it.

import { byId, h } from "/common/dom.js";
import { place } from "/common/keyed.js";
import { settling } from "/common/settle.js";

const LOOK_MS = 1000;
const ANSWERS = { approve: ["Sign: approve", "primary"], deny: ["Sign: deny", "danger"], stop: ["Sign: stop", "danger"] };

export class Terminal {
  constructor() {
    this.timer = setInterval(() => this.#look(), LOOK_MS);
  }

  be(member) {
    this.member = member;
    byId("signed").textContent = "";
    byId("documents").replaceChildren();
    this.#look();
  }

  end() {
    clearInterval(this.timer);
    this.member = null;
    this.#show([]);
  }

  async #look() {
    const asked = this.member;
    if (!asked) return;
    try {
      const reply = await fetch(`/terminal/${encodeURIComponent(asked)}`);
      const { pending } = await reply.json();
      if (asked === this.member && pending) settling(() => this.#show(pending));
    } catch {
      // The drill has ended, or is busy: the next look tells.
    }
  }

  #show(pending) {
    const asked = pending.filter((one) => one.answers !== "stop").length;
    byId("tab-sign").textContent = asked ? `${asked} to sign` : "";
    const nothing = { key: "nothing", make: () => h("p", {}, "Nothing waits for your signature.") };
    const documents = pending.map((one) => ({ key: one.run, sign: JSON.stringify(one), make: () => this.#made(one) }));
    place(byId("documents"), documents.length ? documents : [nothing]);
  }

  #made({ run, title, document: text, answers = Object.keys(ANSWERS).join(" ") }) {
    const offered = Object.entries(ANSWERS).filter(([answer]) => answers.split(" ").includes(answer));
    const buttons = offered.map(([answer, [label, style]]) =>
      h("button", { type: "button", class: style, "data-sign": answer, onclick: (event) => this.#sign(event.target, run, answer) }, label),
    );
    const whole = [
      h("p", { class: "why" }, `To ${answers.split(" ")[0]} it you sign this, with a key that no chat has:`),
      h("pre", { tabindex: "0", "aria-label": "The document to be signed" }, text),
      h("div", { class: "answers" }, buttons),
    ];
    // What waits for an answer is open; what may only be stopped is there for whoever wants to.
    if (answers === "stop") return h("details", { "data-run": run }, h("summary", {}, `Stop ${title}`), whole);
    return h("article", { "data-run": run, "aria-label": title }, h("h3", {}, title), whole);
  }

  async #sign(button, run, answer) {
    const all = [...button.parentElement.querySelectorAll("button")];
    if (all.some((one) => one.getAttribute("aria-disabled") === "true")) return;
    for (const one of all) one.setAttribute("aria-disabled", "true");
    try {
      const body = JSON.stringify({ run, answer });
      const reply = await fetch(`/terminal/${encodeURIComponent(this.member)}`, { method: "POST", body, headers: { "Content-Type": "application/json" } });
      byId("signed").textContent = reply.ok ? (await reply.json()).said : "That could not be signed.";
    } catch {
      byId("signed").textContent = "The drill does not answer: nobody knows whether it was signed.";
    } finally {
      for (const one of all) one.removeAttribute("aria-disabled");
    }
    await this.#look();
  }
}
