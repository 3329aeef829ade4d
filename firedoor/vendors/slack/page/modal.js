// The modal on top, as a real dialog. What somebody types in it stays while the app changes the view around it.

import { byId, h } from "./dom.js";
import { show } from "./blocks.js";
import { entries } from "./fields.js";
import { inWords } from "./api.js";
import { unescaped } from "./text.js";

export class Modal {
  // `desk` is what it needs of the page: {person, names, choices, refresh}.
  constructor(desk) {
    this.desk = desk;
    this.dialog = byId("modal");
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#close();
    });
    // A form in a dialog is sent by Enter in any field. A decision is not made by accident: that takes the button.
    this.dialog.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
      if (event.key === "Enter" && event.repeat) event.preventDefault();
    });
  }

  show(view) {
    if (!view) {
      if (this.dialog.open) this.#leave();
      return;
    }
    const other = view.view_id !== this.view?.view_id || !this.dialog.open;
    if (other) {
      this.#frame();
      this.missing = {};
    }
    this.view = view;
    const { names, choices } = this.desk;
    const act = (block, element, value) => this.#act(block, element, value);
    const [title, body, submit, close] = ["h2", ".body", "[data-modal=submit]", "[data-modal=close]"].map((one) => this.dialog.querySelector(one));
    title.textContent = unescaped(view.title?.text ?? "");
    show(body, view.blocks, { names, choices, values: view.values, act });
    this.#complain();
    const label = unescaped(view.submit?.text ?? "");
    // A key that is pressed just now was meant for the button as it was.
    const changes = submit.textContent !== label && document.activeElement === submit;
    submit.textContent = label;
    submit.hidden = !view.submit;
    close.textContent = unescaped(view.close?.text ?? (view.below ? "Back" : "Close"));
    if (other) this.#enter();
    else if (changes || !this.dialog.contains(document.activeElement)) body.focus();
  }

  #frame() {
    this.dialog.replaceChildren(
      h(
        "form",
        { novalidate: true, onsubmit: (event) => this.#submit(event) },
        h("header", {}, h("h2", { id: "modal-title" }), h("button", { type: "button", class: "cross", "aria-label": "Close", "data-modal": "cross", onclick: () => this.#close() }, "×")),
        h("div", { class: "body", tabindex: "0", "aria-labelledby": "modal-title", role: "group" }),
        h("p", { class: "trouble", role: "alert" }),
        h(
          "footer",
          {},
          h("button", { type: "button", "data-modal": "close", onclick: () => this.#close() }),
          h("button", { type: "submit", class: "primary", "data-modal": "submit" }),
        ),
      ),
    );
  }

  #enter() {
    if (!this.dialog.open) {
      this.from = document.activeElement;
      this.message = this.from?.closest(".message");
      this.dialog.showModal();
    }
    const body = this.dialog.querySelector(".body");
    body.scrollTop = 0;
    body.focus();
  }

  // Back to where the person was; the dialog does that by itself unless that place is gone.
  #leave() {
    this.view = null;
    this.dialog.close();
    if (this.from?.isConnected) return;
    const near = [this.message, byId("messages"), byId("home")].find((node) => node?.isConnected && node.checkVisibility());
    near?.focus({ preventScroll: true });
  }

  // What the app complained of, and what Slack itself finds missing: both stay until the person tries again.
  #complain() {
    const errors = { ...this.view.errors, ...this.missing };
    for (const block of this.dialog.querySelectorAll(".block.input")) {
      const words = errors[block.dataset.blockId] ?? "";
      block.classList.toggle("wrong", Boolean(words));
      block.querySelector(".trouble").textContent = unescaped(words);
      block.querySelector("[data-field]")?.setAttribute("aria-invalid", String(Boolean(words)));
    }
  }

  async #submit(event) {
    event.preventDefault();
    if (!this.view?.submit) return;
    await this.#during(async () => {
      await this.#told(await this.desk.person.submit(this.#entries()));
    });
    this.dialog.querySelector(".wrong [data-field]")?.focus();
  }

  #act(block, element, value) {
    const act = { block_id: block.block_id, action_id: element.action_id, value };
    return this.#during(async () => this.#told(await this.desk.person.clickView("modal", act, this.#entries())));
  }

  #close() {
    return this.#during(() => this.desk.person.close());
  }

  #entries() {
    return entries(this.dialog.querySelector(".body"));
  }

  #told(reply) {
    if (reply.error) this.dialog.querySelector("form > .trouble").textContent = inWords(reply.error);
  }

  // One thing at a time: a second press while the first is on its way is the same press.
  async #during(act) {
    if (this.busy) return;
    this.busy = true;
    this.dialog.setAttribute("aria-busy", "true");
    this.dialog.querySelector("form > .trouble").textContent = "";
    this.missing = {};
    let refused;
    try {
      await act();
    } catch (error) {
      refused = error;
    } finally {
      this.busy = false;
      this.dialog.removeAttribute("aria-busy");
    }
    await this.desk.refresh();
    if (refused && this.dialog.open) this.#refuse(refused);
  }

  #refuse(error) {
    this.dialog.querySelector("form > .trouble").textContent = inWords(error);
    this.missing = Object.fromEntries((error.details?.blocks ?? []).map((block) => [block, "Please fill this in."]));
    this.#complain();
  }
}
