// The fields of Block Kit: what one writes into or chooses from. Each node has `entry()`, what stands in it as the simulator takes it.

import { freshId, h } from "./dom.js";
import { textNodes, unescaped } from "./text.js";

const TYPES = { plain_text_input: "text", number_input: "number", email_text_input: "email", url_text_input: "url", datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" };
const MANY = 10;

// `stands` is what was written there before; `named` labels the field for those who cannot see; `change` is told of each choice.
export function field(element, { name, stands, named, names, choices, change }) {
  const entry = stands ?? initial(element);
  const kind = element.type;
  const make =
    kind in TYPES ? typed : kind === "radio_buttons" || kind === "checkboxes" ? ticked : kind.startsWith("multi_") ? several : kind.endsWith("_select") ? one : unknown;
  const node = make(element, { entry, named, names, options: options(element, choices), change, field: name });
  node.dataset.field = name;
  node.dataset.actionId = element.action_id;
  return node;
}

// What stands in all the fields of a form.
export const entries = (root) => Object.fromEntries([...root.querySelectorAll("[data-field]")].map((node) => [node.dataset.field, node.entry()]));

// What the simulator holds of a field, as an entry.
export function entryOf(state) {
  if (!state) return undefined;
  if (state.selected_options) return state.selected_options.map((option) => option.value);
  if (state.selected_option) return state.selected_option.value;
  const many = state.selected_users ?? state.selected_conversations ?? state.selected_channels;
  const value = many ?? state.value ?? state.selected_user ?? state.selected_conversation ?? state.selected_channel;
  const found = value ?? state.selected_date ?? state.selected_time ?? state.selected_date_time;
  return typeof found === "number" ? String(found) : (found ?? undefined);
}

function initial(element) {
  if (element.initial_options) return element.initial_options.map((option) => option.value);
  const first = ["option", "value", "user", "users", "conversation", "conversations", "channel", "channels", "date", "time", "date_time"]
    .map((what) => element[`initial_${what}`])
    .find((value) => value !== undefined && value !== null);
  if (first?.value !== undefined) return first.value;
  return typeof first === "number" ? String(first) : first;
}

// As pairs of value and label, under the label of their group where there is one.
function options(element, choices) {
  if (element.option_groups) return element.option_groups.flatMap((group) => group.options.map((option) => ({ option, group: group.label })));
  if (element.options) return element.options.map((option) => ({ option }));
  const kind = element.type.replace("multi_", "").replace("_select", "");
  return (choices[kind] ?? []).map(({ id, name }) => ({ option: { value: id, text: { type: "plain_text", text: name } } }));
}

function typed(element, { entry, named, change }) {
  const type = TYPES[element.type];
  const attributes = { ...named, placeholder: unescaped(element.placeholder?.text ?? ""), autocomplete: "off", maxlength: element.max_length, minlength: element.min_length };
  const node = element.multiline ? h("textarea", { ...attributes, rows: 4 }) : h("input", { ...attributes, type, step: element.is_decimal_allowed ? "any" : undefined });
  const moment = element.type === "datetimepicker";
  node.value = moment && entry ? localMinute(Number(entry)) : (entry ?? "");
  node.entry = () => (moment && node.value ? String(Math.floor(new Date(node.value).getTime() / 1000)) : node.value);
  if (change) node.addEventListener("change", () => node.value && change(node.entry()));
  if (change && !element.multiline) node.addEventListener("keydown", (event) => event.key === "Enter" && node.value && change(node.entry()));
  return node;
}

// What a datetime-local input takes: the reader's own time, without a zone.
function localMinute(seconds) {
  const at = new Date(seconds * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function one(element, { entry, named, options: offered, change }) {
  const empty = unescaped(element.placeholder?.text ?? "Choose…");
  const node = h("select", { ...named }, h("option", { value: "" }, empty), grouped(offered));
  node.value = entry ?? "";
  node.entry = () => node.value;
  if (change) {
    node.addEventListener("change", () => node.value && change(node.value));
    node.addEventListener("keydown", openFirst);
  }
  return node;
}

// A closed menu changes with each arrow key in some browsers. Where a choice acts at once, the keys open it first.
function openFirst(event) {
  if (event.key.length > 1 && !event.key.startsWith("Arrow")) return;
  if (event.altKey || event.ctrlKey || event.metaKey || !event.target.showPicker) return;
  event.preventDefault();
  try {
    event.target.showPicker();
  } catch {
    // The browser wants a click first; nothing was chosen.
  }
}

function grouped(offered) {
  const nodes = [];
  let label;
  for (const { option, group } of offered) {
    const node = h("option", { value: option.value }, unescaped(option.text.text));
    if (!group) nodes.push(node);
    else if (group.text === label) nodes.at(-1).append(node);
    else nodes.push(h("optgroup", { label: unescaped(group.text) }, node));
    label = group?.text;
  }
  return nodes;
}

function ticked(element, { entry, named, names, options: offered, change, field: name }) {
  const chosen = new Set([entry ?? []].flat());
  const type = element.type === "checkboxes" ? "checkbox" : "radio";
  const group = freshId("choice");
  const boxes = offered.map(({ option }) => {
    const box = h("input", { type, name: group, value: option.value });
    box.checked = chosen.has(option.value);
    const described = option.description && h("small", {}, ...textNodes(option.description, names));
    return { box, label: h("label", { class: "tick" }, box, h("span", {}, ...textNodes(option.text, names), described)) };
  });
  const node = h("div", { role: type === "radio" ? "radiogroup" : "group", class: "ticks", ...named, "data-field": name }, boxes.map(({ label }) => label));
  const values = () => boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
  node.entry = () => (type === "radio" ? (values()[0] ?? "") : values());
  if (change) node.addEventListener("change", () => change(node.entry()));
  return node;
}

// Several of many: boxes to tick, and a field that narrows them down where they are a long list.
function several(element, given) {
  const node = ticked({ ...element, type: "checkboxes" }, given);
  node.classList.add("several");
  if (given.options.length > MANY) {
    const labels = [...node.querySelectorAll("label")];
    const narrow = () => labels.forEach((label) => (label.hidden = !label.textContent.toLowerCase().includes(search.value.toLowerCase())));
    const search = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter the list", oninput: narrow });
    node.prepend(search);
  }
  return node;
}

function unknown(element) {
  const node = h("p", { class: "left-out" }, `A field of the type ${element.type}, which is not shown here.`);
  node.entry = () => "";
  return node;
}
