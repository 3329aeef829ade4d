// A click is meant for what was there when the hand began to move. What has just appeared, or has just moved, takes none for a moment.

const SETTLE_MS = 400;
const PRESSABLE = "button, select, input, summary, a[href]";

export function settling(change) {
  const before = new Map([...document.querySelectorAll(PRESSABLE)].map((node) => [node, whereabouts(node)]));
  change();
  for (const node of document.querySelectorAll(PRESSABLE)) {
    const now = whereabouts(node);
    if (now && now !== before.get(node)) hold(node);
  }
}

function hold(node) {
  clearTimeout(node.settled);
  node.classList.add("settling");
  node.settled = setTimeout(() => node.classList.remove("settling"), SETTLE_MS);
}

function whereabouts(node) {
  const { left, top, width, height } = node.getBoundingClientRect();
  return width && top < innerHeight && top + height > 0 ? `${Math.round(left)} ${Math.round(top)}` : "";
}
