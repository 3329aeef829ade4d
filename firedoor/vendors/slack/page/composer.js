// Where people write: a message, a reply, or a command that begins with a slash. A draft outlives a reload.

import { h } from "./dom.js";
import { inWords } from "./api.js";
import { menu } from "./menu.js";
import { escaped } from "./text.js";
import { gist } from "./messages.js";

export class Composer {
  // `desk` is what it needs of the page: {person, me, channel, shortcut, refresh, complain}.
  constructor(form, desk) {
    this.form = form;
    this.desk = desk;
    this.drafts = `draft ${desk.me.id}`;
    this.field = h("textarea", { id: "message", rows: 1, autocomplete: "off", "aria-label": "Message", oninput: () => this.#changed(), onkeydown: (event) => this.#key(event) });
    this.reply = h("p", { class: "replying", hidden: true });
    this.send = h("button", { type: "submit", class: "primary", "data-composer": "send" }, "Send");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    form.append(this.reply, h("div", { class: "line" }, menu("Shortcuts", "+", () => this.#items()), this.field, this.send));
  }

  // The channel that is open now, if people may write there.
  at(channel) {
    if (channel?.id === this.channel?.id) return;
    this.channel = channel;
    this.form.hidden = !channel?.member || channel.archived;
    const hint = this.desk.me.commands[0];
    this.field.placeholder = `Message ${channel?.direct ? this.desk.me.app.name : `#${channel?.name ?? ""}`}${hint ? `, or ${hint} …` : ""}`;
    this.field.value = this.#stored()[channel?.id] ?? "";
    this.to(null);
    this.#grow();
  }

  // Reply to that message from now on; to none in particular without one.
  to(message) {
    this.thread = message;
    this.reply.hidden = !message;
    if (!message) return;
    const stop = h("button", { type: "button", class: "plain", "data-composer": "no-reply", onclick: () => this.to(null) }, "Not in the thread");
    this.reply.replaceChildren(h("span", {}, `Replying to “${gist(message)}”`), stop);
    this.field.focus();
  }

  #key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !event.repeat) {
      event.preventDefault();
      this.#send();
    }
    if (event.key === "Escape") this.to(null);
  }

  async #send() {
    const said = this.field.value.trim();
    if (!said || this.busy) return;
    this.busy = true;
    this.send.setAttribute("aria-disabled", "true");
    const { id } = this.channel;
    try {
      const { error } = said.startsWith("/") ? await this.desk.person.command(id, said) : await this.desk.person.say(id, this.#asSlack(said), this.#thread());
      if (error) return this.desk.complain(inWords(error), said);
      if (this.field.value.trim() === said) this.field.value = "";
      this.desk.complain("");
      this.to(null);
    } catch (error) {
      this.desk.complain(inWords(error), said);
    } finally {
      this.busy = false;
      this.send.removeAttribute("aria-disabled");
      this.#changed();
    }
    return this.desk.follow();
  }

  #thread() {
    return this.thread ? this.thread.thread_ts || this.thread.ts : "";
  }

  // As Slack's client sends it: no mark-up of its own in what people type, and @names as members.
  #asSlack(said) {
    const named = new Map(this.desk.me.people.map((one) => [one.name.toLowerCase(), one.id]));
    const names = [...named.keys()].sort((one, other) => other.length - one.length).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const mention = new RegExp(`@(${names.join("|")})(?!\\w)`, "gi");
    return escaped(said).replace(mention, (_whole, name) => `<@${named.get(name.toLowerCase())}>`);
  }

  #items() {
    const { me } = this.desk;
    const insert = (command) => () => {
      this.field.value = `${command} ${this.field.value.replace(/^\/\S*\s*/, "")}`;
      this.field.focus();
      this.#changed();
    };
    const global = me.shortcuts.filter((one) => one.kind === "global");
    const items = global.map((one) => ({ label: one.name, note: me.app.name, act: () => this.desk.shortcut(one), data: { "data-callback": one.callback_id } }));
    return [...items, ...me.commands.map((command) => ({ label: command, note: "a command", act: insert(command), data: { "data-command": command } }))];
  }

  #changed() {
    sessionStorage.setItem(this.drafts, JSON.stringify({ ...this.#stored(), [this.channel.id]: this.field.value }));
    this.#grow();
  }

  #stored() {
    return JSON.parse(sessionStorage.getItem(this.drafts) ?? "{}");
  }

  #grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, 160)}px`;
  }
}
