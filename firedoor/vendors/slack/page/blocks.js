// Block Kit as nodes. Which blocks there are is for `keyed.js` to compare; a block that did not change is not made again.

import { freshId, h } from "./dom.js";
import { place } from "./keyed.js";
import { entries, entryOf, field } from "./fields.js";
import { menu } from "./menu.js";
import { confirmed } from "./sure.js";
import { textNodes, unescaped } from "./text.js";

// Show the blocks in `parent`. `surface` says where they stand: {names, choices, values, act(block, element, value), alwaysActs}.
export function show(parent, blocks, surface) {
  const typed = entries(parent);
  place(
    parent,
    blocks.map((block, index) => ({
      key: block.block_id || String(index),
      sign: JSON.stringify(block),
      make: () => made(block, { ...surface, typed }),
    })),
  );
}

function made(block, surface) {
  const node = (KINDS[block.type] ?? leftOut)(block, surface);
  node.dataset.blockId = block.block_id ?? "";
  node.classList.add("block", block.type);
  return node;
}

const KINDS = {
  header: (block, { names }) => h("h3", {}, ...textNodes(block.text, names)),
  divider: () => h("hr", {}),
  section(block, surface) {
    const text = block.text && h("div", { class: "text" }, ...textNodes(block.text, surface.names));
    const fields = block.fields && h("div", { class: "fields" }, block.fields.map((one) => h("div", {}, ...textNodes(one, surface.names))));
    const words = block.text?.text ?? block.fields?.[0]?.text ?? "";
    const accessory = block.accessory && h("div", { class: "accessory" }, element(block, block.accessory, surface, { "aria-label": plain(words) }));
    return h("div", {}, h("div", { class: "words" }, text, fields), accessory);
  },
  context: (block, { names }) =>
    h("div", {}, block.elements.map((one) => h("span", {}, ...(one.type === "image" ? [one.alt_text ?? ""] : textNodes(one, names))))),
  actions: (block, surface) =>
    h("div", {}, block.elements.map((one) => element(block, one, surface, { "aria-label": plain(one.placeholder?.text ?? one.action_id) }))),
  input(block, surface) {
    const [label, hint, trouble] = [freshId("label"), freshId("hint"), freshId("trouble")];
    const described = { "aria-labelledby": label, "aria-describedby": `${hint} ${trouble}`, "aria-required": block.optional ? undefined : "true" };
    const optional = block.optional && h("span", { class: "optional" }, " (optional)");
    const control = element(block, block.element, surface, described);
    const target = control.matches("input, select, textarea") ? (control.id = freshId("field")) : undefined;
    return h(
      "div",
      {},
      h("label", { id: label, for: target }, ...textNodes(block.label, surface.names), optional),
      control,
      h("p", { id: hint, class: "hint" }, ...textNodes(block.hint, surface.names)),
      h("p", { id: trouble, class: "trouble" }),
    );
  },
  image: (block) => h("p", {}, `Image: ${block.alt_text ?? ""}`),
  markdown: (block) => h("div", {}, block.text),
  rich_text: (block) => h("div", {}, spelled(block)),
  table: (block) => h("div", {}, h("table", {}, (block.rows ?? []).map((row) => h("tr", {}, row.map((cell) => h("td", {}, spelled(cell))))))),
};

const leftOut = (block) => h("p", { class: "left-out" }, `A block of the type ${block.type}, which is not shown here.`);

function element(block, one, surface, named) {
  if (one.type === "button" || one.type === "workflow_button") return button(block, one, surface);
  if (one.type === "overflow") return overflow(block, one, surface);
  if (one.type === "image") return h("span", {}, `Image: ${one.alt_text ?? ""}`);
  const name = `${block.block_id}/${one.action_id}`;
  const acts = block.type === "input" ? block.dispatch_action : true;
  const change = acts && (async (value) => (await confirmed(one.confirm, surface.names)) && surface.act(block, one, value, control));
  const stands = surface.typed[name] ?? entryOf(surface.values?.[block.block_id]?.[one.action_id]);
  const control = field(one, { name, stands, named, names: surface.names, choices: surface.choices, change });
  return control;
}

function button(block, one, surface) {
  const press = async (event) => {
    if (node.getAttribute("aria-disabled") === "true" || !(await confirmed(one.confirm, surface.names))) return;
    event.target.closest("button").setAttribute("aria-disabled", "true");
    await surface.act(block, one, "", node);
    node.removeAttribute("aria-disabled");
  };
  const label = one.accessibility_label && unescaped(one.accessibility_label);
  const attributes = { type: "button", class: one.style, "aria-label": label, "data-action-id": one.action_id, "data-value": one.value, onclick: press };
  const node = h("button", attributes, unescaped(one.text?.text ?? ""));
  node.sign = JSON.stringify(one);
  return node;
}

function overflow(block, one, surface) {
  const choose = (option) => async () => (await confirmed(one.confirm, surface.names)) && surface.act(block, one, option.value, node);
  const items = () => one.options.map((option) => ({ label: unescaped(option.text.text), act: choose(option), data: { "data-value": option.value } }));
  const node = menu("More choices", "…", items);
  node.dataset.actionId = one.action_id;
  return node;
}

// The words of rich text, however deep they stand.
function spelled(part) {
  if (typeof part?.text === "string") return part.text;
  return (part?.elements ?? []).map(spelled).join(part?.type === "rich_text" || part?.type === "rich_text_list" ? "\n" : "");
}

const plain = (text) => unescaped(text.replace(/[*_`~]/g, "")).slice(0, 150);
