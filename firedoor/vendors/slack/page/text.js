// Slack's text as nodes: plain_text as it stands, mrkdwn with its few marks. Links are shown as text and lead nowhere.

import { h } from "./dom.js";

const MARKS =
  /<([^<>\n]+)>|`([^`\n]+)`|(?<![\w*])\*(?=\S)([^*\n]*[^*\s])\*(?![\w*])|(?<![\w_])_(?=\S)([^_\n]*[^_\s])_(?![\w_])|(?<![\w~])~(?=\S)([^~\n]*[^~\s])~(?![\w~])/g;

// Slack's three entities, and no others.
export const unescaped = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
export const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// A text object of Block Kit. `names` finds what a member, a channel or a group is called.
export function textNodes(object, names) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text ?? "", names);
  return [unescaped(object.text ?? "")];
}

export function mrkdwn(text, names) {
  return text.split("```").flatMap((part, index) => (index % 2 ? [h("pre", {}, unescaped(part.replace(/^\n/, "")))] : lines(part, names)));
}

// Runs of quoted lines become a quotation each.
function lines(text, names) {
  const nodes = [];
  let quoted = null;
  text.split("\n").forEach((line, index) => {
    const quote = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (quote) {
      if (quoted) quoted.append("\n");
      else nodes.push((quoted = h("blockquote", {})));
      quoted.append(...inline(quote[1], names));
      return;
    }
    if (index && !quoted) nodes.push("\n");
    quoted = null;
    nodes.push(...inline(line, names));
  });
  return nodes;
}

function inline(text, names) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(MARKS)) {
    const [whole, token, code, bold, italic, struck] = found;
    nodes.push(unescaped(text.slice(end, found.index)));
    end = found.index + whole.length;
    if (token !== undefined) nodes.push(reference(token, names));
    else if (code !== undefined) nodes.push(h("code", {}, unescaped(code)));
    else nodes.push(h(bold ? "strong" : italic ? "em" : "s", {}, ...inline(bold ?? italic ?? struck, names)));
  }
  nodes.push(unescaped(text.slice(end)));
  return nodes.filter((node) => node !== "");
}

// What stands between < and >: somebody, a place, everybody, a moment, or a link.
function reference(token, names) {
  const [what, ...rest] = token.split("|");
  const label = unescaped(rest.join("|"));
  if (/^@[A-Z0-9]+$/.test(what)) return h("span", { class: "mention" }, `@${names(what.slice(1)) || label || what.slice(1)}`);
  if (/^#[A-Z0-9]+$/.test(what)) return h("span", { class: "mention" }, `#${names(what.slice(1)) || label || what.slice(1)}`);
  if (what.startsWith("!subteam^")) return h("span", { class: "mention" }, `@${names(what.slice(9)) || label.replace(/^@/, "") || "group"}`);
  if (what.startsWith("!date^")) return moment(what.split("^"), label);
  if (what.startsWith("!")) return h("span", { class: "mention" }, `@${what.slice(1)}`);
  const address = unescaped(what);
  return h("span", { class: "link" }, label && label !== address ? `${label} (${address})` : address);
}

// <!date^SECONDS^FORMAT^LINK|FALLBACK>, in the reader's own time.
function moment([, seconds, format = ""], fallback) {
  const at = new Date(Number(seconds) * 1000);
  if (!/^\d+$/.test(seconds) || Number.isNaN(at.getTime())) return document.createTextNode(fallback);
  const day = (options) => at.toLocaleDateString(undefined, options);
  const near = (otherwise) => nearDay(at) ?? otherwise;
  const short = { month: "short", day: "numeric", year: "numeric" };
  const long = { weekday: "long", month: "long", day: "numeric", year: "numeric" };
  const shown = {
    date: day({ month: "long", day: "numeric", year: "numeric" }),
    date_num: day({ year: "numeric", month: "2-digit", day: "2-digit" }),
    date_short: day(short),
    date_long: day(long),
    date_pretty: near(day({ month: "long", day: "numeric", year: "numeric" })),
    date_short_pretty: near(day(short)),
    date_long_pretty: near(day(long)),
    time: at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }),
    time_secs: at.toLocaleTimeString(),
    ago: at.toLocaleString(),
  };
  const words = unescaped(format).replace(/\{(\w+)\}/g, (whole, name) => shown[name] ?? whole);
  return h("time", { datetime: at.toISOString(), title: fallback }, words);
}

function nearDay(at) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const days = Math.round((new Date(at).setHours(0, 0, 0, 0) - midnight) / 86_400_000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
}
