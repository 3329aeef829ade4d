// Where the reader is in the list. At its end they stay at its end; anywhere else nothing moves under their eyes.

const NEAR = 60;

export class Scroll {
  constructor(box, button) {
    this.box = box;
    this.button = button;
    this.fresh = [];
    button.addEventListener("click", () => {
      this.fresh.find((node) => node.isConnected)?.scrollIntoView({ block: "center" });
      this.fresh = [];
      this.#offer();
    });
    box.addEventListener("scroll", () => this.#offer(), { passive: true });
  }

  // Change the list. `first`: it is shown for the first time; `follow`: the reader has just written something.
  during(change, { first, follow }) {
    const { box } = this;
    const atEnd = first || follow || box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    const anchor = atEnd ? null : [...box.firstElementChild.children].find((node) => node.offsetTop + node.offsetHeight > box.scrollTop);
    const offset = anchor && anchor.offsetTop - box.scrollTop;
    const result = change();
    if (first) this.fresh = [];
    if (atEnd) box.scrollTop = box.scrollHeight;
    else if (anchor?.isConnected) box.scrollTop = anchor.offsetTop - offset;
    return result;
  }

  // These have just come; those that are out of sight are offered.
  tell(nodes) {
    this.fresh.push(...nodes);
    this.#offer();
  }

  #offer() {
    const { top, bottom } = this.box.getBoundingClientRect();
    this.fresh = this.fresh.filter((node) => {
      const place = node.getBoundingClientRect();
      return node.isConnected && (place.bottom <= top || place.top >= bottom);
    });
    this.button.hidden = !this.fresh.length;
    this.button.textContent = `${this.fresh.length} new message${this.fresh.length === 1 ? "" : "s"}: show`;
  }
}
