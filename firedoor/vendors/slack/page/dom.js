// Making nodes. Whatever comes from outside goes in as text, never as markup.

export function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child || child === 0));
  return node;
}

export const byId = (id) => document.getElementById(id);

// An id for a label to point at; it lasts as long as the page.
let last = 0;
export const freshId = (what) => `${what}-${++last}`;
