// Builds elements without parsing text as markup, so that no message can inject a script, and brings what is shown to
// what is wanted in place, so that focus, scrolling and selection stay where they are.

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "vars") for (const [key, v] of Object.entries(value)) element.style.setProperty(key, v);
    else element.setAttribute(name === "cls" ? "class" : name, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
}

const present = (children) => children.flat().filter((child) => child !== null && child !== undefined && child !== false);

// What a click on an element does: main.js has the table of actions. `update` moves attributes, not listeners.
export const act = (action, argument = "") => ({ "data-act": action, "data-arg": argument });

// Makes `children` the children of `parent`. Elements with the same data-key, and others of the same kind in order, are
// kept and changed; the rest is added and removed. The focused element keeps its focus; if it goes, its list gets it.
export function update(parent, ...children) {
  const focused = document.activeElement;
  const inside = focused && focused !== parent && parent.contains(focused);
  updateChildren(parent, present(children).map((child) => (child instanceof Node ? child : document.createTextNode(child))));
  if (!inside || document.activeElement === focused) return;
  const next = focused.isConnected ? focused : (parent.closest("[tabindex]") ?? parent.querySelector("button"));
  next?.focus({ preventScroll: true });
}

const keyOf = (node) => node.dataset?.key ?? null;
const alike = (one, other) => one.nodeName === other.nodeName && one.namespaceURI === other.namespaceURI;

function updateChildren(parent, wanted) {
  const keyed = new Map();
  const rest = [];
  for (const child of parent.childNodes) {
    if (keyOf(child) === null) rest.push(child);
    else keyed.set(keyOf(child), child);
  }
  const shown = wanted.map((node) => {
    const before = keyOf(node) === null ? rest.shift() : keyed.get(keyOf(node));
    if (!before || !alike(before, node)) return node;
    become(before, node);
    return before;
  });
  const kept = new Set(shown);
  for (const child of [...parent.childNodes]) if (!kept.has(child)) child.remove();
  let place = parent.firstChild;
  for (const node of shown) {
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
}

function become(node, wanted) {
  if (!(node instanceof Element)) {
    if (node.data !== wanted.data) node.data = wanted.data;
    return;
  }
  for (const { name } of [...node.attributes]) if (!wanted.hasAttribute(name)) node.removeAttribute(name);
  for (const { name, value } of wanted.attributes) {
    if (name === "style") node.style.cssText = wanted.style.cssText; // the policy forbids the attribute
    else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  updateChildren(node, [...wanted.childNodes]);
}

export function $(id) {
  return document.getElementById(id);
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
