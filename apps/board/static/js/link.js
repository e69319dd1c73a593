// Says how current the page is: the line at the top, its sentence when something is wrong, the same inside the help
// dialog, the age of the open regency's row, and the two clocks.

import { $, setText } from "./dom.js";
import { freshness } from "./freshness.js";
import { age, clockTime, fullTime, t, timeNear } from "./language.js";
import { remember, remembered } from "./memory.js";
import { splitName } from "./names.js";
import { eventNow, serverNow, store } from "./store.js";
import { link } from "./stream.js";
import { BUILD } from "./words.js";

const SAME_DAY_MS = 10 * 60000;
const NAMED_MOST = 5;
const RELOADED = "siaga.reloaded";

let faultMs = 0;
let isOtherBuild = false;
let onNotes = () => {};

export function startLink(drawNoted) {
  onNotes = drawNoted;
  link.onchange = drawLink;
  link.onfault = failed;
}

// The page cannot draw what it gets: say so instead of showing an old picture as the present one.
export function failed(error) {
  console.error(error);
  faultMs ||= Date.now();
  drawLink();
}

// A board of another build sends what this page may not understand. Loaded again once; a proxy may hold old files.
export function checkBuild() {
  const { build } = store.facts;
  isOtherBuild = Boolean(build) && build !== BUILD;
  if (!isOtherBuild || remembered(RELOADED, "sessionStorage") === build) return;
  if (remember(RELOADED, build, "sessionStorage")) location.reload();
}

export function drawLink() {
  const found = freshness({
    link, faultMs, isOtherBuild, isOnline: navigator.onLine, nowMs: Date.now(), receivedMs: store.receivedMs,
    skewMs: store.clockSkewMs, feed: store.feed, facts: store.facts, rows: [...store.rows.values()], unlisted: store.unlisted,
  });
  document.body.dataset.look = found.look;
  document.title = found.look === "ok" || found.look === "wait" ? "Siaga" : `(!) Siaga: ${t(`link_${found.state}`)}`;
  const sentence = found.look === "ok" || found.look === "wait" || found.isBrief ? "" : bannerText(found);
  const when = found.newestMs ? t("dataOf", { time: timeNear(found.newestMs, found.nowMs, true), age: age(found.nowMs - found.newestMs) }) : t("noData");
  for (const pill of document.querySelectorAll(".pill")) {
    pill.dataset.state = found.state;
    pill.dataset.look = found.look;
    setText(pill, t(`link_${found.state}`));
  }
  for (const line of document.querySelectorAll(".age")) setText(line, when);
  for (const banner of document.querySelectorAll(".banner")) {
    setText(banner, sentence);
    banner.hidden = !sentence;
    banner.dataset.look = found.look;
  }
  for (const line of document.querySelectorAll("[data-written]")) drawWritten(line, found.nowMs);
  drawNotes(found);
}

function bannerText(found) {
  const { sinceMs, newestMs, nowMs, named } = found;
  const key = found.isEvent && (found.state === "old" || found.state === "dead") ? "paused" : found.state;
  const names = named.slice(0, NAMED_MOST).map((code) => splitName(store.names.get(code) ?? code).join(" ").trim()).join(", ");
  return t(`banner_${key}`, {
    time: sinceMs ? timeNear(sinceMs, nowMs, true) : "", age: sinceMs ? age(nowMs - sinceMs) : "",
    picture: newestMs ? t("pictureOf", { time: timeNear(newestMs, nowMs, true) }) : t("pictureNone"),
    cause: t(`trouble_${found.trouble}`), n: named.length || found.missed, names: named.length > NAMED_MOST ? `${names}, …` : names,
  }).trim();
}

function drawWritten(line, now) {
  const written = Number(line.dataset.written);
  setText(line, written ? t("rowOf", { time: timeNear(written, now, true), age: age(now - written) }) : "");
}

// The tiles that say why their row is not the present state.
function drawNotes({ state, named }) {
  const notes = new Map((store.feed?.unreadable ?? []).map((code) => [code, "unreadable"]));
  if (state === "late") for (const code of named) if (!notes.has(code)) notes.set(code, "late");
  const changed = [...notes.keys(), ...store.notes.keys()].filter((code) => notes.get(code) !== store.notes.get(code));
  store.notes = notes;
  if (changed.length) onNotes(new Set(changed));
}

export function drawClocks() {
  const event = eventNow();
  const wall = serverNow();
  setText($("wall-clock"), store.receivedMs ? clockTime(wall, true) : "–");
  const past = event && Math.abs(wall - event) > SAME_DAY_MS;
  setText($("event-clock"), event ? fullTime(event) : "–");
  setText($("event-label"), t("eventClock") + (past ? ` · ${t("replayed")}` : ""));
  $("event-clock").parentElement.dataset.past = String(Boolean(past));
  drawLink();
}
