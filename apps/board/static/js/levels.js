// The ladder: each level and data status has a rank, a shape and a word; colour comes on top, from the style sheet.

import { s } from "./dom.js";
import { DATA_STATUSES, LEVELS } from "./words.js";

export { LEVELS };
// "none": a regency of the roster that has no row yet.
export const STATUSES = [...DATA_STATUSES, "none"];

export const rank = (level) => Math.max(0, LEVELS.indexOf(level));

const SHAPES = {
  normal: () => [s("circle", { cx: 12, cy: 12, r: 7, cls: "line" })],
  waspada: () => [s("path", { d: "M12 3 22 21H2Z", cls: "solid" })],
  siaga: () => [s("path", { d: "M12 1 23 12 12 23 1 12Z", cls: "solid" })],
  awas: () => [
    s("path", { d: "M7.5 1h9L23 7.5v9L16.5 23h-9L1 16.5v-9Z", cls: "solid" }),
    s("path", { d: "M12 6v7.5M12 16.6v1.4", cls: "cut" }),
  ],
};

// A level's shape; decoration only, the word stands beside it or in the accessible name.
export function shape(level) {
  return s("svg", { viewBox: "0 0 24 24", cls: `shape shape-${level}`, "aria-hidden": "true" }, ...(SHAPES[level] || SHAPES.normal)());
}
