// The first page: whose Slack is it?

import { byId, h } from "./dom.js";

async function show() {
  const reply = await fetch("/people");
  const { team, people } = await reply.json();
  document.title = `Who are you? ${team}`;
  byId("people").append(
    ...people.map((one) =>
      h("li", {}, h("a", { href: `/as/${encodeURIComponent(one.id)}`, "data-user": one.id }, h("strong", {}, one.real_name || one.name), h("span", {}, `@${one.name}`))),
    ),
  );
}

show().catch(() => byId("trouble").append("This Slack does not answer."));
