// Which regencies pass the filter.

import { splitName } from "./names.js";
import { statusOf, store } from "./store.js";

export function matches(code) {
  if (!filtering()) return true;
  const { levels, statuses, text } = store.filter;
  const level = store.rows.get(code)?.level;
  if (levels.size && !levels.has(level)) return false;
  if (statuses.size && !statuses.has(statusOf(code))) return false;
  if (!text) return true;
  const name = store.names.get(code) || "";
  return `${code} ${name} ${splitName(name).join(" ")}`.toLowerCase().includes(text.toLowerCase());
}

export function filtering() {
  const { levels, statuses, text } = store.filter;
  return Boolean(levels.size || statuses.size || text);
}
