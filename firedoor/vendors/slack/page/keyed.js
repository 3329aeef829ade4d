// Brings a list of nodes up to date and leaves alone what is as it was: what somebody types, chooses or has in focus stays.

// `wanted` is a list of {key, sign, make, update}: a node is kept for as long as its key and its sign are the same; `update` is told of each.
export function place(parent, wanted) {
  const active = parent.contains(document.activeElement) ? document.activeElement : null;
  const kept = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const focus = active && remembered(active);
  const home = active && [...parent.children].find((node) => node.contains(active))?.dataset.key;
  const now = wanted.map(({ key, sign = "", make }) => {
    const old = kept.get(key);
    if (old && old.sign === sign) return old;
    const node = make(old);
    node.dataset.key = key;
    node.sign = sign;
    return node;
  });
  for (const node of [...parent.children]) if (!now.includes(node)) node.remove();
  now.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
  wanted.forEach(({ update }, index) => update?.(now[index]));
  if (active && !active.isConnected) refocus(now.find((node) => node.dataset.key === home) ?? parent, focus);
  return now;
}

function remembered(node) {
  const field = node.closest("[data-field]")?.dataset.field;
  return { field, id: node.dataset.actionId, sign: node.sign, from: node.selectionStart, to: node.selectionEnd };
}

// The same field again, with the cursor where it was; the same button again, if nothing of it changed. Otherwise what they were in:
// a key that is pressed just now must not press something else.
function refocus(node, { field, id, sign, from, to }) {
  const fields = [...node.querySelectorAll("[data-field]")];
  const holder = field && fields.find((one) => one.dataset.field === field);
  const input = holder && (holder.matches("input, textarea, select") ? holder : holder.querySelector("input, textarea, select"));
  const button = id && [...node.querySelectorAll("button")].find((one) => one.dataset.actionId === id && one.sign === sign);
  const found = input ?? button ?? node;
  if (found === node && !node.hasAttribute("tabindex")) node.tabIndex = -1;
  found.focus({ preventScroll: true });
  if (input && typeof from === "number") input.setSelectionRange(from, to);
}
