// The list of escalations, newest first, and their announcements for screen readers.

import { $, act, h, setText, update } from "./dom.js";
import { matches } from "./filter.js";
import { fixed, label, number, t, text, timeNear, word } from "./language.js";
import { rank, shape } from "./levels.js";
import { splitName } from "./names.js";
import { eventNow, store } from "./store.js";

const SHOWN = 100;

export function drawFeed(fresh = []) {
  const freshIds = new Set(fresh.map((escalation) => escalation.escalation_id));
  const list = store.escalations.filter((escalation) => matches(escalation.regency)).slice(0, SHOWN);
  const now = eventNow();
  update($("feed"), list.length ? list.map((escalation) => item(escalation, now, freshIds)) : h("li", { cls: "empty" }, t("noEscalations")));
  setText($("feed-count"), list.length ? t("latest", { n: list.length }) : "");
}

function item(escalation, now, freshIds) {
  const { level, previous_level: previous } = escalation;
  return h("li", {
      cls: freshIds.has(escalation.escalation_id) ? "escalation fresh" : "escalation",
      "data-key": escalation.escalation_id, "data-id": escalation.escalation_id, "data-level": level, "data-change": escalation.change,
    },
    h("div", { cls: "escalation-head" },
      title(escalation),
      h("time", { datetime: escalation.event_time }, timeNear(Date.parse(escalation.event_time), now))),
    h("div", { cls: "escalation-move" }, move(previous, level), h("span", { cls: "change" }, word("change", escalation.change))),
    h("p", { cls: "reason" }, label("reason", escalation.reason), " ", h("span", { cls: "figure" }, scoreText(escalation))),
    tags(escalation));
}

function title({ regency, name }) {
  if (!store.names.has(regency)) return h("b", {}, placeName(regency, name));
  return h("button", { type: "button", cls: "link", ...act("open", regency) }, placeName(regency, name));
}

// A province escalates under its two-digit code.
function placeName(code, name) {
  return /^\d\d$/.test(code) ? text("place", "province", { code }) : splitName(name ?? store.names.get(code) ?? code).join(" ").trim();
}

// From one level to another, or the level alone when it did not change.
export function move(previous, level) {
  const to = h("span", { cls: "level-word", "data-level": level }, shape(level), label("level", level));
  if (!previous || previous === level) return to;
  return h("span", { cls: "move" }, h("span", { cls: "level-word from" }, shape(previous), label("level", previous)), h("span", { "aria-hidden": "true" }, "→"), to);
}

function scoreText({ score, threshold }) {
  const limit = Number.isFinite(threshold) ? ` / ${t("threshold")} ${number(threshold)}` : "";
  return `${t("score")} ${number(score)}${limit}`;
}

export function tags(escalation) {
  const routes = (escalation.routes ?? []).map((route) => h("span", { cls: "tag" }, label("authority", route)));
  const unverifiedTag = escalation.unverified ? h("span", { cls: "tag unverified", title: t("unverifiedNote") }, t("unverified")) : null;
  const oddsTag = Number.isFinite(escalation.odds) ? h("span", { cls: "tag odds", title: t("oddsNote") }, t("odds", { odds: fixed(escalation.odds, 2) })) : null;
  if (!routes.length && !unverifiedTag && !oddsTag) return null;
  return h("div", { cls: "tags" }, oddsTag, unverifiedTag, routes.length ? h("span", { cls: "to" }, t("to")) : null, routes);
}

// One announcement however many arrive at once: the worst of them.
export function announce(fresh) {
  if (!fresh.length) return;
  const worst = fresh.reduce((a, b) => (rank(b.level) > rank(a.level) ? b : a));
  const values = {
    n: fresh.length, name: placeName(worst.regency, worst.name), change: word("change", worst.change),
    level: label("level", worst.level), reason: label("reason", worst.reason),
  };
  $(worst.level === "awas" ? "say-now" : "say").textContent = t(fresh.length > 2 ? "sayMany" : "sayOne", values);
}
