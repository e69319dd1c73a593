// One regency in full, at #NN.NN: fetched when opened and again when its row changes.

import { $, h } from "./dom.js";
import { move, tags } from "./feed.js";
import { fullTime, label, number, percent, t, timeNear, word } from "./language.js";
import { shape } from "./levels.js";
import { levelWord, statusText } from "./map.js";
import { splitName } from "./names.js";
import { spark } from "./spark.js";
import { statusOf, store } from "./store.js";

const REFRESH_MS = 1000; // shortest interval between two requests, however often the row changes

let shown = null;
let facts = null;
let due = null;
let requestedAt = 0;

export const openCode = () => shown;

export async function openDetail(code, onClose, onOpen) {
  shown = code;
  facts = null;
  await refresh(onClose, onOpen);
  $("detail").focus({ preventScroll: false });
}

export function closeDetail() {
  shown = null;
  $("detail").hidden = true;
  document.body.classList.remove("detailed");
}

export function refreshSoon(onClose, onOpen) {
  due ??= setTimeout(() => {
    due = null;
    if (shown) refresh(onClose, onOpen);
  }, Math.max(0, requestedAt + REFRESH_MS - Date.now()));
}

export function redraw(onClose, onOpen) {
  if (shown && facts) draw(facts, onClose, onOpen);
}

async function refresh(onClose, onOpen) {
  const code = shown;
  requestedAt = Date.now();
  try {
    const answer = await fetch(`/api/regency/${encodeURIComponent(code)}`);
    if (shown !== code) return;
    facts = answer.ok ? await answer.json() : null;
    if (shown !== code) return;
    if (answer.status === 404) drawMissing(onClose);
    else if (facts) draw(facts, onClose, onOpen);
  } catch {
    refreshSoon(onClose, onOpen); // the banner already says that the board is unreachable
  }
}

function show(...children) {
  const detail = $("detail");
  const scrolled = detail.scrollTop;
  detail.replaceChildren(...children.filter(Boolean));
  detail.hidden = false;
  detail.scrollTop = scrolled;
  document.body.classList.add("detailed");
}

function closeButton(onClose) {
  return h("button", { type: "button", cls: "ghost close", onclick: onClose, "aria-label": t("close") }, "✕");
}

function drawMissing(onClose) {
  show(h("header", { cls: "detail-head" }, h("h2", { id: "detail-title" }, shown), closeButton(onClose)), h("p", {}, t("notFound")));
}

function draw({ regency, name, row, escalations, trend, neighbours }, onClose, onOpen) {
  const last = escalations[0];
  const cause = reasonFor(escalations, row);
  const head = h("header", { cls: "detail-head", "data-level": row?.level ?? "none" },
    h("div", {}, h("h2", { id: "detail-title" }, name), h("p", { cls: "code" }, regency)), closeButton(onClose));
  if (!row) return show(head, h("p", { cls: "band", "data-status": "none" }, t("noRow")));
  show(head, levelLine(row), dataBand(regency), why(cause, last, row),
    trend ? h("div", { cls: "detail-trend", "data-level": row.level }, spark({ end: trend.end_ms, scores: trend.scores }, store.buckets), h("span", {}, t("trend"))) : null,
    components(row), windows(row), turnout(row), confidence(row), evidence(cause), candidates(row), history(escalations, row),
    nearby(neighbours, onOpen), provenance(row));
}

function levelLine(row) {
  return h("div", { cls: "level-line", "data-level": row.level },
    h("span", { cls: "big-level" }, shape(row.level), levelWord(row)), h("span", { cls: "big-score" }, number(row.score, 1)),
    h("span", { cls: "since" }, t("sinceLevel", { level: label("level", row.level), time: timeNear(Date.parse(row.since), Date.parse(row.as_of)) })));
}

function dataBand(code) {
  const text = statusText(code);
  if (!text) return null;
  const status = statusOf(code);
  return h("p", { cls: "band", "data-status": status }, h("b", {}, text), ` ${t(`${status}Note`)}`);
}

function block(title, ...children) {
  return h("section", { cls: "block" }, h("h3", {}, t(title)), ...children);
}

// The escalation that explains the present level: the newest raise or amendment of the episode. A later fall or stale
// notice says why the level is not higher, not why it holds.
function reasonFor(escalations, row) {
  const [last] = escalations;
  if (!last || row.level === "normal") return last;
  return escalations.find((e) => e.episode === last.episode && (e.change === "raised" || e.change === "amended")) ?? last;
}

function why(cause, last, row) {
  if (!cause || last.level !== row.level) return null;
  const since = last === cause ? null : h("p", { cls: "note" }, `${word("change", last.change)}: ${label("reason", last.reason)}`);
  return block("why", h("p", { cls: "why" }, label("reason", cause.reason)), since, tags(cause));
}

function components(row) {
  const parts = Object.entries(row.components ?? {}).sort((a, b) => b[1] - a[1]);
  if (!parts.length) return null;
  const sum = parts.reduce((total, [, value]) => total + value, 0);
  return block("components",
    h("ul", { cls: "parts" }, parts.map(([name, value]) => h("li", { "data-part": name, "data-value": value },
      h("span", { cls: "part-name" }, label("component", name)),
      h("span", { cls: "part-bar" }, h("span", { cls: "part-fill", vars: { width: `${Math.max(0, Math.min(100, value))}%` } })),
      h("span", { cls: "part-value" }, number(value, 1))))),
    h("p", { cls: "sum" }, `${t("sum")}: ${t("ofScore", { sum: number(sum, 1), score: number(row.score, 1) })}`));
}

function windows(row) {
  const lines = Object.entries(row.windows ?? {});
  if (!lines.length) return null;
  const head = ["window", "incidents", "weight"].map((key) => h("th", { scope: "col" }, t(key)));
  return block("windows", h("table", { cls: "small" }, h("thead", {}, h("tr", {}, head)),
    h("tbody", {}, lines.map(([name, w]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, number(w.incidents)), h("td", {}, number(w.weight, 1)))))),
    h("p", { cls: "note" }, `${t("excluded")}: ${Object.entries(row.excluded ?? {}).map(([key, n]) => `${number(n)} ${word("excluded", key)}`).join(", ")}`));
}

function turnout({ turnout: counts }) {
  if (!counts) return null;
  const pairs = [
    ["stations", `${number(counts.stations_reported)} / ${number(counts.stations_expected)}`],
    ["share", `${percent(counts.share)}  (${number(counts.voted)} / ${number(counts.registered)})`],
    ["over", number(counts.over_capacity)], ["corrected", number(counts.corrected)],
    ["conflicting", number(counts.conflicting)], ["unlisted", number(counts.unlisted)],
  ];
  return block("turnout",
    h("div", { cls: "meter", "aria-hidden": "true" },
      h("span", { vars: { width: `${100 * Math.min(1, (counts.stations_reported || 0) / (counts.stations_expected || 1))}%` } })),
    pairList(pairs));
}

const pairList = (pairs) => h("dl", { cls: "pairs" }, pairs.map(([key, value]) => h("div", {}, h("dt", {}, t(key)), h("dd", {}, value))));

function confidence({ confidence: value }) {
  if (value === undefined || value === null) return null;
  const pairs = typeof value === "object" ? Object.entries(value) : [["confidence", value]];
  return block("confidence", h("dl", { cls: "pairs" }, pairs.filter(([, v]) => typeof v !== "object").map(([key, v]) =>
    h("div", {}, h("dt", {}, t(key)), h("dd", {}, typeof v === "number" ? number(v, 2) : String(v))))));
}

function evidence(last) {
  if (!last) return null;
  const items = last.evidence ?? [];
  if (!items.length) return block("evidence", h("p", { cls: "note" }, t("noEvidence")));
  const head = ["category", "severity", "status", "weight"].map((key) => h("th", { scope: "col" }, t(key)));
  return block("evidence", h("table", { cls: "small" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, items.map((item) => h("tr", {},
    h("th", { scope: "row" }, label("category", item.category), h("small", {}, incidentName(item)),
      h("small", {}, t("toldBy", { agencies: (item.agencies ?? []).join(", ") }))),
    h("td", {}, number(item.severity)), h("td", {}, word("status", item.status)), h("td", {}, number(item.weight, 1)))))));
}

// An incident's number counts within its origin's numbering; `siaga join` takes the two in this form.
const incidentName = ({ origin, incident_id: number }) => `${origin}/${number}`;

function candidates({ candidates: count, candidate_pairs: pairs }) {
  if (!count) return null;
  return block("candidates", h("p", { cls: "note" }, t("candidatesNote", { n: number(count) })),
    h("ul", { cls: "pairs-named" }, pairs.map(({ first, second }) => h("li", {}, incidentName(first),
      h("span", { cls: "second" }, " ↔ ", incidentName(second))))),
    count > pairs.length ? h("p", { cls: "note" }, t("candidatesMore", { n: number(pairs.length) })) : null);
}

function history(escalations, row) {
  if (!escalations.length) return null;
  return block("history", h("ol", { cls: "history" }, escalations.map((item) => h("li", {},
    h("time", { datetime: item.event_time }, timeNear(Date.parse(item.event_time), Date.parse(row.as_of))),
    move(item.previous_level, item.level), h("span", { cls: "change" }, word("change", item.change)),
    h("small", {}, `${label("reason", item.reason)} · ${t("episode", { n: item.episode })}`)))));
}

function nearby(neighbours, onOpen) {
  if (!neighbours.length) return null;
  return block("neighbours", h("div", { cls: "nearby" }, neighbours.map(([code, name]) => {
    const level = store.rows.get(code)?.level;
    return h("button", { type: "button", cls: "ghost near", "data-level": level ?? "none", onclick: () => onOpen(code) },
      level ? shape(level) : null, splitName(name).join(" ").trim(), level ? h("span", { cls: "hidden" }, ` ${label("level", level)}`) : null);
  })));
}

function provenance(row) {
  return block("provenance", pairList([
    ["asOf", fullTime(Date.parse(row.as_of))], ["ruleset", row.ruleset ?? "–"],
    ["ledger", row.ledger ? t("ledgerAt", row.ledger) : "–"],
  ]), h("p", { cls: "note" }, h("a", { href: `/api/regency/${row.regency}` }, t("raw"))));
}
