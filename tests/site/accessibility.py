"""What axe finds in a page: all its rules, and what is alike many times looked at a few times."""

import json

# A page has thousands of coloured words and of parts of equations, which are alike. Three things
# make them few, so that axe needs seconds instead of minutes:
# - Six blocks of code keep the colours of their words, and elsewhere one word of each class does;
#   the rest of the code becomes plain text, which is looked at as well.
# - Six equations keep their parts. The others, if they hold nothing but mathematics, become a box
#   of their drawing's size (which screen readers pass over) and a text for who hears it; but not
#   where something scrolls that the keyboard does not reach: there axe looks at what is hidden.
# - The contrast of a text comes from its colour, its size, its weight and the grounds below it.
#   Of the texts that agree in all of these, five are measured, from the first to the last. What
#   could make them differ all the same, parts that are positioned, clipped, or used to enter
#   something, is among what they must agree in, or always measured.
RUN_AXE = """() => {
  const all = (selector, where = document) => Array.from(where.querySelectorAll(selector));
  const KEPT = 6, MEASURED = 5;

  const seen = new Set();
  all("article pre").forEach((block, i) => {
    for (const word of all("span", block)) {
      const known = seen.has(word.className);
      seen.add(word.className);
      if (known && i >= KEPT) word.replaceWith(...word.childNodes);
    }
    block.normalize();
  });

  const unreachable = box => box.localName !== "article" && (
    box.tabIndex !== 0
    && (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight)
    && /auto|scroll/.test(getComputedStyle(box).overflow)
    || unreachable(box.parentElement));
  const plain = all("article mjx-container").slice(KEPT).filter(equation =>
    !unreachable(equation)
    && !equation.querySelector("a, [href], [tabindex], [role], [aria-label], [title]")
    && equation.querySelector("mjx-math[aria-hidden=true]")?.textContent.trim() === "");
  const drawings = plain.map(equation => equation.querySelector("mjx-math"));
  const sizes = drawings.map(drawing => drawing.getBoundingClientRect());
  drawings.forEach((drawing, i) => {
    drawing.replaceChildren();
    const [width, height] = [sizes[i].width + "px", sizes[i].height + "px"];
    Object.assign(drawing.style, {display: "inline-block", boxSizing: "border-box", width, height});
  });
  for (const equation of plain)
    for (const math of all("mjx-assistive-mml math", equation)) math.textContent = math.textContent;

  const numbers = new Map();
  const number = text => numbers.get(text) ?? numbers.set(text, numbers.size).get(text);
  const grounds = new Map();
  const ground = element => {
    if (!element) return 0;
    if (!grounds.has(element)) {
      const style = getComputedStyle(element);
      grounds.set(element, number([
        ground(element.parentElement), style.backgroundColor, style.backgroundImage, style.opacity,
        style.filter, style.mixBlendMode, style.position, style.clip, style.clipPath,
      ].join("|")));
    }
    return grounds.get(element);
  };
  const looks = new Map();
  const control = "button, input, select, textarea, label";
  all("body, body *").forEach(element => {
    if (element.closest(control)) return element.setAttribute("data-measured", "");
    if (!Array.from(element.childNodes).some(node => node.nodeType === 3 && node.data.trim()))
      return;
    if (!element.checkVisibility({visibilityProperty: true})) return;
    const style = getComputedStyle(element);
    const look = [ground(element), style.color, style.fontSize, style.fontWeight,
      style.textShadow, style.webkitTextStroke].join("|");
    looks.set(look, [...looks.get(look) ?? [], element]);
  });
  for (const alike of looks.values())
    for (let i = 0; i < MEASURED; i++)
      alike[Math.floor(i * (alike.length - 1) / (MEASURED - 1))].setAttribute("data-measured", "");
  axe.configure({rules: [{id: "color-contrast", selector: "[data-measured]"}]});

  return axe.run({resultTypes: ["violations"], preload: false})
    .then(result => result.violations);
}"""


def violations(page, axe):
    """What axe finds, one line for each rule and place."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(axe)
    found = page.evaluate(RUN_AXE)
    return [
        f"{rule['id']}: {json.dumps(node['target'])} {node['html'][:160]}"
        for rule in found
        for node in rule["nodes"]
    ]
