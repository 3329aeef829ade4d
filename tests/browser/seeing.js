// Measured in the page: how each text stands out from what is behind it, what overlaps, and what is cut off.
(() => {
  // What counts is the dialog or the menu on top, where one is open.
  const top = [...document.querySelectorAll("dialog[open], [popover]:popover-open")].at(-1) ?? document.body;

  // The part of an element, or of a range of text, that is in sight: not hidden, and not scrolled away.
  function sight(node) {
    const box = node.getBoundingClientRect();
    let { left, right, top: up, bottom: down } = box;
    for (let at = node instanceof Range ? node.startContainer.parentElement : node; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.visibility === "hidden" || style.clipPath !== "none" || style.display === "none") return null;
      if (at === node || !/auto|scroll|hidden/.test(style.overflow)) continue;
      const clip = at.getBoundingClientRect();
      [left, right] = [Math.max(left, clip.left), Math.min(right, clip.right)];
      [up, down] = [Math.max(up, clip.top), Math.min(down, clip.bottom)];
    }
    [left, right, up, down] = [Math.max(left, 0), Math.min(right, innerWidth), Math.max(up, 0), Math.min(down, innerHeight)];
    return right - left > 1 && down - up > 1 ? { left, right, up, down } : null;
  }

  function texts() {
    const found = [];
    const walker = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (!node.data.trim() || ["SCRIPT", "STYLE", "OPTION", "OPTGROUP"].includes(node.parentElement.tagName)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const box = sight(range);
      if (box) found.push({ text: node.data.trim().slice(0, 40), element: node.parentElement, box, range });
    }
    return found;
  }

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function rgba(colour) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  }
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];

  // The colour that an element's text stands on: all backgrounds up to the first that lets nothing through.
  function behind(element) {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.push(rgba(getComputedStyle(at).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  }

  // Relative luminance and contrast ratio, as WCAG defines them.
  const channel = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  function ratio(colour, element) {
    const back = behind(element);
    const [one, other] = [light(over(rgba(colour), back)), light(back)].sort((x, y) => y - x);
    return (one + 0.05) / (other + 0.05);
  }

  function contrasts() {
    const found = texts().map(({ text, element }) => ({ text, element, style: getComputedStyle(element) }));
    for (const element of top.querySelectorAll("input, textarea, select")) {
      if (!sight(element) || ["checkbox", "radio"].includes(element.type)) continue;
      const part = element.placeholder && !element.value ? "::placeholder" : undefined;
      found.push({ text: element.value || element.placeholder || element.tagName, element, style: getComputedStyle(element, part) });
    }
    return found.map(({ text, element, style }) => {
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      let opacity = 1;
      for (let at = element; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
      return { text, ratio: opacity < 1 ? 1 : ratio(style.color, element), needed: large ? 3 : 4.5 };
    });
  }

  const called = (node) => node.outerHTML.slice(0, 70);
  const apart = (one, other) =>
    one.right <= other.left + 1 || other.right <= one.left + 1 || one.down <= other.up + 1 || other.down <= one.up + 1;

  function crowded() {
    const faults = [];
    if (document.scrollingElement.scrollWidth > innerWidth) faults.push(`the page is wider than its window of ${innerWidth}`);
    for (const node of top.querySelectorAll("*")) {
      const clips = /auto|scroll|hidden/.test(getComputedStyle(node).overflowX) && node.tagName !== "TEXTAREA";
      if (clips && sight(node) && node.scrollWidth > node.clientWidth + 1) faults.push(`${called(node)} is cut off at its side`);
    }
    const all = [...top.querySelectorAll("a, button, input, select, textarea")];
    const pressable = all.map((node) => ({ node, box: sight(node) })).filter(({ box }) => box);
    pressable.forEach(({ node, box }, index) => {
      for (const { node: other, box: its } of pressable.slice(index + 1)) {
        if (!apart(box, its) && !node.contains(other) && !other.contains(node)) faults.push(`${called(node)} lies on ${called(other)}`);
      }
    });
    for (const { text, element, box, range } of texts()) {
      if (element.closest(".settling")) continue; // it lets clicks, and this measurement, through
      for (const line of range.getClientRects()) {
        const [x, y] = [(line.left + line.right) / 2, (line.top + line.bottom) / 2];
        if (x < box.left || x > box.right || y < box.up || y > box.down) continue;
        const there = document.elementFromPoint(x, y);
        if (there && !element.contains(there) && !there.contains(element)) faults.push(`"${text}" is covered by ${called(there)}`);
      }
    }
    return faults;
  }

  return { contrasts: contrasts(), crowded: crowded() };
})();
