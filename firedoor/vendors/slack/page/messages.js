// The messages of a channel, oldest first; replies stand indented under what they reply to.

import { h } from "./dom.js";
import { show } from "./blocks.js";
import { place } from "./keyed.js";
import { menu } from "./menu.js";
import { mrkdwn, unescaped } from "./text.js";

// `desk` is what a message needs of the page: {names, choices, shortcuts, app, act, shortcut, reply}.
export function showMessages(list, messages, desk) {
  return place(
    list,
    threaded(messages).map((message) => ({ key: message.ts, make: () => made(message, desk), update: (node) => update(node, message, desk) })),
  );
}

// Each message that begins something, and its replies right after it.
export function threaded(messages) {
  const there = new Set(messages.map((message) => message.ts));
  const isReply = (message) => message.thread_ts && there.has(message.thread_ts);
  const replies = Map.groupBy(messages.filter(isReply), (one) => one.thread_ts);
  return messages.filter((message) => !isReply(message)).flatMap((first) => [first, ...(replies.get(first.ts) ?? []).map((one) => ({ ...one, reply: true }))]);
}

export const authorOf = (message, { names }) => names(message.author) || message.author_name || message.author;

// The words of a message, for those who listen instead of looking.
export const heard = (node) => node.querySelector(".body").textContent.replace(/\s+/g, " ").trim().slice(0, 200);

function made(message, desk) {
  const at = new Date(Number(message.ts) * 1000);
  const author = authorOf(message, desk);
  const node = h(
    "li",
    { class: message.bot ? "message bot" : "message", "data-ts": message.ts, "data-author": message.author, tabindex: "-1" },
    h("span", { class: "face", "aria-hidden": "true" }, author.slice(0, 1).toUpperCase()),
    h(
      "div",
      { class: "head" },
      h("strong", { class: "author" }, author),
      message.bot && h("span", { class: "badge" }, "app"),
      h("time", { datetime: at.toISOString(), title: at.toLocaleString() }, at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })),
      h("span", { class: "edited" }),
      message.ephemeral && h("span", { class: "only" }, "Only visible to you"),
    ),
    menu("More actions", "⋯", () => actions(node.message, desk)),
    h("div", { class: "body" }),
    h("p", { class: "reactions" }),
    h("p", { class: "trouble", role: "alert" }),
  );
  return node;
}

function update(node, message, desk) {
  node.message = message;
  node.classList.toggle("reply", message.reply === true);
  node.classList.toggle("ephemeral", message.ephemeral);
  node.querySelector(".edited").textContent = message.edited ? "(edited)" : "";
  node.querySelector(".reactions").textContent = message.reactions.map((name) => `:${name}:`).join(" ");
  const act = (block, element, value, control) => desk.act(node, block, element, value, control);
  show(node.querySelector(".body"), blocksOf(message), { names: desk.names, choices: desk.choices, act });
}

// A message without blocks is its text; so is what older integrations attach.
function blocksOf(message) {
  const own = message.blocks.length ? message.blocks : said(message.text, "text");
  const attached = message.attachments.flatMap((one, index) => one.blocks ?? said(one.text || one.fallback || "", `attached-${index}`));
  return [...own, ...attached];
}

const said = (text, block_id) => (text ? [{ type: "section", block_id, text: { type: "mrkdwn", text } }] : []);

function actions(message, desk) {
  const reply = { label: "Reply in thread", act: () => desk.reply(message), data: { "data-menu": "reply" } };
  const offered = desk.shortcuts
    .filter((one) => one.kind === "message")
    .map((one) => ({ label: one.name, note: desk.app, act: () => desk.shortcut(one, message), data: { "data-callback": one.callback_id } }));
  return message.ephemeral ? [{ label: "Nothing can be done with this one", act: () => {} }] : [...offered, reply];
}

// The first words of a message, for a line that refers to it.
export function gist(message) {
  const words = message.blocks.find((block) => block.text)?.text.text ?? message.text;
  return mrkdwn(words.split("\n")[0].slice(0, 80), () => "").map((part) => part.textContent ?? unescaped(part)).join("");
}
