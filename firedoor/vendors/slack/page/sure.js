// The dialog behind `confirm`: are you sure?

import { byId, h } from "./dom.js";
import { settling } from "./settle.js";
import { textNodes, unescaped } from "./text.js";

// Whether the person says yes; without a question there is nothing to say yes to.
export function confirmed(question, names) {
  if (!question) return Promise.resolve(true);
  const dialog = byId("sure");
  const yes = h("button", { value: "yes", class: question.style ?? "primary", "data-confirm": "yes" }, unescaped(question.confirm?.text ?? "Yes"));
  const no = h("button", { value: "no", "data-confirm": "no" }, unescaped(question.deny?.text ?? "Cancel"));
  const answer = (event) => {
    event.preventDefault();
    dialog.close(event.submitter.value);
  };
  dialog.replaceChildren(
    h(
      "form",
      { method: "dialog", onsubmit: answer },
      h("h2", { id: "sure-title" }, unescaped(question.title?.text ?? "Are you sure?")),
      h("div", { class: "body" }, ...textNodes(question.text, names)),
      h("footer", {}, no, yes),
    ),
  );
  dialog.returnValue = "no";
  return new Promise((decided) => {
    dialog.addEventListener("close", () => decided(dialog.returnValue === "yes"), { once: true });
    settling(() => dialog.showModal());
    no.focus();
  });
}
