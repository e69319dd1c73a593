// Words and numbers in the chosen language.

import { remember, remembered } from "./memory.js";
import { WORDS } from "./words.js";

const KEY = "siaga.language";
let current = remembered(KEY) || preferred();

function preferred() {
  for (const tag of navigator.languages) {
    const language = tag.slice(0, 2).toLowerCase();
    if (language in WORDS) return language;
    if (language === "in" || language === "ms") return "id";
  }
  return "id";
}

export const language = () => current;

export function switchLanguage() {
  current = current === "id" ? "en" : "id";
  remember(KEY, current);
}

// A text of a table with its {...} filled in.
export function text(table, key, values = {}) {
  return (WORDS[current][table][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A text of the page.
export const t = (key, values) => text("page", key, values);

// The word for a member of a closed set; what the catalogue lacks is shown as it is, underscores as spaces.
export function word(table, value) {
  return WORDS[current][table][value] ?? String(value ?? "").replaceAll("_", " ");
}

// The same as a label or a sentence begins with it.
export function label(table, value) {
  const found = word(table, value);
  return found.charAt(0).toUpperCase() + found.slice(1);
}

// A data status, or "none" for a regency that has no row yet.
export const statusLabel = (status) => (status === "none" ? t("none") : label("data_status", status));

const formats = new Map();
function format(kind, options) {
  const key = current + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new kind(current === "id" ? "id-ID" : "en-GB", options));
  return formats.get(key);
}

export const number = (value, digits = 0) =>
  Number.isFinite(value) ? format(Intl.NumberFormat, { maximumFractionDigits: digits }).format(value) : "–";
// The same with all its decimals: 0,70.
export const fixed = (value, digits) => format(Intl.NumberFormat, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
export const percent = (share) =>
  Number.isFinite(share) ? format(Intl.NumberFormat, { style: "percent", maximumFractionDigits: 1 }).format(share) : "–";

export const clockTime = (ms, seconds = false) =>
  format(Intl.DateTimeFormat, { hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}), hour12: false }).format(ms);
export const fullTime = (ms) =>
  format(Intl.DateTimeFormat, {
    weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hour12: false, timeZoneName: "short",
  }).format(ms);

// A time, with its day when that is not the day of `reference`.
export function timeNear(ms, reference, seconds = false) {
  if (!Number.isFinite(ms)) return "–";
  if (new Date(ms).toDateString() === new Date(reference).toDateString()) return clockTime(ms, seconds);
  return format(Intl.DateTimeFormat, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false }).format(ms);
}

const UNITS = { id: ["dtk", "mnt", "jam", "hari"], en: ["s", "min", "h", "d"] };
export function age(ms) {
  const [s, min, h, d] = UNITS[current];
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} ${s}`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} ${min}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 && hours < 10 ? `${hours} ${h} ${minutes % 60} ${min}` : `${hours} ${h}`;
  return `${Math.floor(hours / 24)} ${d}`;
}
