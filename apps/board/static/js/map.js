// The tile map: one button per regency, moved between by arrow keys (roving tabindex).

import { $, act, h, setText } from "./dom.js";
import { filtering, matches } from "./filter.js";
import { age, label, number, statusLabel, t, timeNear } from "./language.js";
import { shape } from "./levels.js";
import { initials, splitName } from "./names.js";
import { arrow, hourChange, spark } from "./spark.js";
import { statusOf, store } from "./store.js";

const tiles = new Map(); // code -> parts of its tile
let current = null;

export function startMap() {
  $("map").addEventListener("keydown", move);
}

export function drawLayout() {
  const map = $("map");
  map.style.setProperty("--columns", store.layout.columns);
  map.style.setProperty("--rows", store.layout.rows);
  map.classList.toggle("dense", store.layout.columns > 12);
  for (const [code, parts] of tiles) if (store.names.get(code) !== parts.name) tiles.delete(code);
  const buttons = store.layout.tiles.map(([code, name, column, row]) => place(tiles.get(code) ?? build(code, name), column, row));
  for (const button of [...map.children]) if (!buttons.includes(button)) button.remove();
  buttons.forEach((button, i) => map.children[i] === button || map.insertBefore(button, map.children[i] ?? null));
  const codes = store.layout.tiles.map(([code]) => code);
  if (!tiles.has(current)) current = codes[0];
  for (const code of codes) drawTile(code);
  setCurrent(current);
}

function place(parts, column, row) {
  Object.assign(parts, { column, row });
  parts.button.style.setProperty("grid-column", column + 1);
  parts.button.style.setProperty("grid-row", row + 1);
  return parts.button;
}

function build(code, name) {
  const [kind, rest] = splitName(name);
  const parts = {
    name, label: h("span", { cls: "hidden" }),
    mark: h("span", { cls: "tile-mark" }), level: h("span", { cls: "tile-level" }), score: h("span", { cls: "tile-score" }),
    change: h("span", { cls: "tile-change" }), foot: h("span"), trend: h("span", { cls: "tile-trend" }),
    band: h("span", { cls: "band-long" }), bandShort: h("span", { cls: "band-short" }),
  };
  parts.bandBox = h("span", { cls: "tile-band" }, parts.band, parts.bandShort);
  parts.button = h(
    "button",
    {
      type: "button", cls: "tile", id: `tile-${code}`, "data-code": code, tabindex: "-1",
      ...act("open", code),
    },
    parts.label,
    h("span", { cls: "tile-body", "aria-hidden": "true" },
      h("span", { cls: "tile-top" }, parts.mark, parts.level, parts.score),
      h("span", { cls: "tile-name" }, kind ? h("span", { cls: "tile-kind" }, kind + " ") : null, rest),
      h("span", { cls: "tile-short" }, initials(name)),
      parts.trend, h("span", { cls: "tile-foot" }, parts.foot, parts.change), parts.bandBox),
  );
  tiles.set(code, parts);
  return parts;
}

export function drawTile(code) {
  const parts = tiles.get(code);
  if (!parts) return;
  const row = store.rows.get(code);
  const status = statusOf(code);
  const level = row?.level ?? "none";
  const { button } = parts;
  button.dataset.level = level;
  button.dataset.status = status;
  button.dataset.score = row ? row.score : "";
  if (parts.drawn !== level) {
    parts.mark.replaceChildren(row ? shape(level) : "");
    parts.drawn = level;
  }
  const trend = store.trends.get(code);
  const incidents = row?.windows?.["1h"]?.incidents;
  setText(parts.level, row ? levelWord(row) : "");
  setText(parts.score, row ? number(row.score) : "–");
  setText(parts.change, row ? arrow(hourChange(trend, store.bucketMs)) : "");
  setText(parts.foot, incidents ? t("lastHour", { n: number(incidents) }) : "");
  setText(parts.band, statusText(code));
  setText(parts.bandShort, noteOf(code) || (status === "live" ? "" : status === "none" ? t("noRow") : statusLabel(status)));
  parts.bandBox.hidden = !parts.band.textContent;
  parts.trend.replaceChildren(spark(trend, store.buckets));
  const off = filtering() && !matches(code);
  const note = noteOf(code);
  button.dataset.note = String(Boolean(note));
  button.classList.toggle("off", off);
  button.disabled = off;
  setText(parts.label, accessibleName(code, parts.name, row));
}

// A silent regency keeps its last level; the question mark says that the present one is unknown.
export function levelWord(row) {
  const name = label("level", row.level);
  return row.data_status === "silent" ? `${name}?` : name;
}

// Why the row of a regency is not its present state, whatever its data status; empty when it is.
function noteOf(code) {
  const note = store.notes.get(code);
  if (note === "unreadable") return t("unreadableNote");
  if (store.unlisted.has(code)) return t("unlistedNote");
  return note ? t("lateNote") : "";
}

// The last report of a stale regency, or the latest that it can have been; empty for others.
export function lastReport(code) {
  const row = store.rows.get(code);
  if (row?.data_status !== "stale" || !row.quiet_since_ms) return "";
  const time = timeNear(row.quiet_since_ms, Date.parse(row.as_of));
  return t(row.quiet_is_exact ? "lastReport" : "lastReportBefore", { time });
}

// What is wrong with a regency's data, in words; of a stale one since the last report. Empty while live.
export function statusText(code) {
  const note = noteOf(code);
  if (note) return note;
  const status = statusOf(code);
  if (status === "live") return "";
  if (status === "none") return t("noRow");
  const row = store.rows.get(code);
  const quietMs = Date.parse(row.as_of) - row.quiet_since_ms;
  if (status !== "stale" || row.quiet_is_exact) return t(`${status}For`, { age: age(quietMs) });
  return quietMs > 0 ? t("staleOverFor", { age: age(quietMs) }) : statusLabel(status);
}

function accessibleName(code, name, row) {
  if (!row) return `${name}. ${t("noRow")}.`;
  const trouble = statusText(code);
  const incidents = row.windows?.["1h"]?.incidents ?? 0;
  return [name, levelWord(row), `${t("score")} ${number(row.score)}`, trouble, `${t("incidents1h")}: ${incidents}`].filter(Boolean).join(". ");
}

export function drawTiles(codes) {
  const focused = document.activeElement?.closest?.(".tile");
  for (const code of codes ?? tiles.keys()) drawTile(code);
  if (tiles.get(current)?.button.disabled) setCurrent(visible()[0] ?? current);
  if (focused?.disabled) (visible().length ? tiles.get(current).button : $("map")).focus({ preventScroll: true });
}

export function markOpen(code) {
  for (const [key, { button }] of tiles) {
    if (key === code) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

export function focusTile(code) {
  const target = tiles.has(code) ? code : current;
  setCurrent(target);
  tiles.get(target)?.button.focus();
}

export function setCurrent(code) {
  if (tiles.has(current)) tiles.get(current).button.tabIndex = -1;
  current = code;
  if (tiles.has(code)) tiles.get(code).button.tabIndex = 0;
}

const visible = () => [...tiles.keys()].filter((code) => !tiles.get(code).button.disabled);

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function move(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  let next = null;
  if (event.key in STEPS) next = nearest(...STEPS[event.key]);
  else if (event.key === "Home") next = visible()[0];
  else if (event.key === "End") next = visible().at(-1);
  else return;
  event.preventDefault();
  if (next) focusTile(next);
}

// The nearest tile in a direction; distance to the side counts 2.5 times.
function nearest(dx, dy) {
  const from = tiles.get(current);
  let best = null;
  let least = Infinity;
  for (const code of visible()) {
    const to = tiles.get(code);
    const ahead = (to.column - from.column) * dx + (to.row - from.row) * dy;
    const aside = Math.abs((to.column - from.column) * dy) + Math.abs((to.row - from.row) * dx);
    const cost = ahead + 2.5 * aside;
    if (ahead > 0 && cost < least) [best, least] = [code, cost];
  }
  return best;
}
