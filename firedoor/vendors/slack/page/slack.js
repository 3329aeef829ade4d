// The page of one person: where they are, what they see there, and what they do.

import { Person, inWords } from "./api.js";
import { byId, h } from "./dom.js";
import { show } from "./blocks.js";
import { Composer } from "./composer.js";
import { entries } from "./fields.js";
import { place } from "./keyed.js";
import { live } from "./live.js";
import { authorOf, heard, showMessages } from "./messages.js";
import { Modal } from "./modal.js";
import { Scroll } from "./scroll.js";
import { settling } from "./settle.js";

const HOME = "home";
const person = new Person(decodeURIComponent(location.pathname.split("/").at(-1)));

class Page {
  constructor(me) {
    this.me = me;
    this.person = person;
    this.channels = [];
    this.scroll = new Scroll(byId("messages"), byId("newer"));
    this.modal = new Modal(this);
    this.composer = new Composer(byId("composer"), this);
    this.refresh = live(() => this.#look());
    byId("name").textContent = me.name;
    byId("team").textContent = me.team;
    document.body.classList.toggle("framed", window.top !== window); // who one is, is chosen around the frame
    addEventListener("hashchange", () => this.#go());
    this.#go();
  }

  get choices() {
    const people = this.me.people.filter((one) => !one.bot);
    const channels = this.channels.filter((one) => !one.direct);
    return { users: people, channels, conversations: [...channels, ...people] };
  }

  get app() {
    return this.me.app.name;
  }

  get shortcuts() {
    return this.me.shortcuts;
  }

  names = (id) => [...this.me.people, ...this.me.groups, ...this.channels].find((one) => one.id === id)?.name ?? "";

  complain(words, about = "") {
    byId("trouble").textContent = words && about ? `${words} (${about.slice(0, 60)})` : words;
  }

  // A button or a choice in a message.
  async act(node, block, element, value) {
    const trouble = node.querySelector(":scope > .trouble");
    const act = { block_id: block.block_id, action_id: element.action_id, value };
    trouble.textContent = await this.#failure(() => person.click(this.place, node.message.ts, act));
    await this.refresh();
  }

  async shortcut({ callback_id }, message) {
    this.complain(await this.#failure(() => person.shortcut(callback_id, this.place, message?.ts)));
    await this.refresh();
  }

  reply(message) {
    this.composer.to(message);
  }

  // Look again, and go where the newest message is: the person has just written one.
  follow() {
    this.follows = true;
    return this.refresh();
  }

  async #failure(act) {
    try {
      const { error } = await act();
      return error ? inWords(error) : "";
    } catch (error) {
      return inWords(error);
    }
  }

  async #go() {
    this.place = decodeURIComponent(location.hash.slice(1));
    this.entered = false;
    this.complain("");
    if (this.place === HOME) await this.#failure(() => person.openHome());
    await this.refresh();
  }

  async #look() {
    const [asked, follow] = [this.place, this.follows];
    this.follows = false;
    let screen;
    try {
      screen = await person.screen(asked === HOME ? "" : asked);
    } catch (error) {
      if (error.code === "channel_not_found" && asked) location.hash = "";
      else this.#lost(inWords(error));
      return;
    }
    if (asked !== this.place) return;
    this.#lost("");
    if (!asked) {
      const first = screen.channels.find((one) => one.member) ?? screen.channels[0];
      if (first) location.replace(`#${first.id}`);
      return;
    }
    const draw = () => this.#draw(screen, follow);
    if (this.entered) settling(draw);
    else draw();
    this.entered = true;
  }

  #draw(screen, follow) {
    const home = this.place === HOME;
    const channel = screen.channels.find((one) => one.id === this.place);
    this.channels = screen.channels;
    this.#drawPlaces(channel);
    byId("where").textContent = home ? `${this.app}: home` : channel.direct ? this.app : `# ${channel.name}`;
    byId("about").textContent = home ? "" : channel.direct ? "Between the app and you" : channel.private ? "Private channel" : "Public channel";
    document.title = `${byId("where").textContent} (${this.me.name})`;
    byId("messages").hidden = home;
    byId("home").hidden = !home;
    this.composer.at(home ? null : channel);
    if (home) this.#drawHome(screen.home);
    else this.#drawMessages(screen.messages, follow);
    this.modal.show(screen.modal);
  }

  #drawPlaces(open) {
    const entry = (id, shown, note) => ({
      key: id,
      sign: `${shown} ${note} ${id === this.place}`,
      make: () => h("a", { href: `#${id}`, "aria-current": id === this.place ? "page" : null, "data-place": id }, h("span", {}, shown), note && h("small", {}, note)),
    });
    this.seen ??= new Map(this.channels.map((one) => [one.id, one.latest])); // what stood there before the person came is not news
    if (open) this.seen.set(open.id, open.latest);
    const fresh = (one) => one.latest > (this.seen.get(one.id) ?? "");
    const named = this.channels.map((one) => entry(one.id, one.direct ? this.app : `# ${one.name}`, fresh(one) ? "new" : ""));
    place(byId("places"), [...named, entry(HOME, `${this.app}: home`, "")]);
  }

  #drawMessages(messages, follow) {
    const list = byId("messages").firstElementChild;
    if (!this.entered) list.replaceChildren();
    const before = new Set([...list.children].map((node) => node.dataset.ts));
    const nodes = this.scroll.during(() => showMessages(list, messages, this), { first: !this.entered, follow });
    const fresh = this.entered ? nodes.filter((node) => !before.has(node.dataset.ts)) : [];
    if (fresh.length) byId("said").textContent = fresh.map((node) => `${authorOf(node.message, this)}: ${heard(node)}`).join(". ");
    this.scroll.tell(fresh);
  }

  #drawHome(view) {
    const act = async (block, element, value) => {
      const did = { block_id: block.block_id, action_id: element.action_id, value };
      this.complain(await this.#failure(() => person.clickView("home", did, entries(byId("home")))));
      await this.refresh();
    };
    if (!this.entered) byId("home").replaceChildren();
    const nothing = [{ type: "section", block_id: "nothing", text: { type: "plain_text", text: `${this.app} shows nothing here.` } }];
    show(byId("home"), view?.blocks ?? nothing, { names: this.names, choices: this.choices, values: view?.values, act });
  }

  #lost(words) {
    if (words || this.wasLost) this.complain(words);
    this.wasLost = Boolean(words);
  }
}

person
  .me()
  .then((me) => new Page(me))
  .catch((error) => (byId("trouble").textContent = error.code === "user_not_found" || error.code === "account_inactive" ? "There is no such person here." : inWords(error)));
