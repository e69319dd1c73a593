// One regency in full, at #NN.NN: fetched when opened and again when its row changes.

import { $, act, h, update } from "./dom.js";
import { move, tags } from "./feed.js";
import { clockTime, fullTime, label, number, percent, t, timeNear, word } from "./language.js";
import { shape } from "./levels.js";
import { lastReport, levelWord, statusText } from "./map.js";
import { splitName } from "./names.js";
import { spark } from "./spark.js";
import { drawLink } from "./link.js";
import { statusOf, store } from "./store.js";

const REFRESH_MS = 1000; // shortest interval between two requests, however often the row changes

let shown = null;
let facts = null;
let failedMs = 0; // since when it cannot be fetched
let due = null;
let requestedAt = 0;

export const openCode = () => shown;

export async function openDetail(code) {
  shown = code;
  facts = null;
  failedMs = 0;
  $("detail").replaceChildren();
  show(title(store.names.get(code) ?? code, code), h("p", { cls: "note" }, t("loading")));
  scrollTo({ top: 0 });
  $("detail").focus({ preventScroll: true });
  await refresh();
}

export function closeDetail() {
  shown = null;
  $("detail").hidden = true;
  document.body.classList.remove("detailed");
}

export function refreshSoon() {
  due ??= setTimeout(() => {
    due = null;
    if (shown) refresh();
  }, Math.max(0, requestedAt + REFRESH_MS - Date.now()));
}

export function redraw() {
  if (shown && facts) draw(facts);
}

async function refresh() {
  const code = shown;
  requestedAt = Date.now();
  try {
    const answer = await fetch(`api/regency/${encodeURIComponent(code)}`);
    const found = answer.ok ? await answer.json() : null;
    if (shown !== code) return;
    if (answer.status === 404) return drawMissing();
    if (!found) throw new Error(`HTTP ${answer.status}`);
    [facts, failedMs] = [found, 0];
    draw(facts);
  } catch (error) {
    console.warn(error); // for whoever repairs it; the officer reads a sentence
    if (shown !== code) return;
    failedMs ||= Date.now();
    if (facts) draw(facts);
    else show(title(store.names.get(code) ?? code, code), failure());
    refreshSoon();
  }
}

function failure() {
  return failedMs ? h("p", { cls: "band", "data-status": "none", "data-key": "failure" }, t("detailFailed", { time: clockTime(failedMs + store.clockSkewMs, true) })) : null;
}

function show(...children) {
  update($("detail"), ...children);
  $("detail").hidden = false;
  document.body.classList.add("detailed");
  drawLink();
}

function title(name, code, row, written) {
  return h("header", { cls: "detail-head", "data-level": row?.level ?? "none" },
    h("div", {}, h("h2", { id: "detail-title" }, name), h("p", { cls: "code" }, code), h("p", { cls: "written", "data-written": written ?? 0 })),
    h("button", { type: "button", cls: "ghost close", ...act("close"), "aria-label": t("close") }, "✕"));
}

function drawMissing() {
  show(title(shown, shown), h("p", {}, t("notFound")));
}

function draw({ regency, name, row, written_ms: written, escalations, trend, neighbours }) {
  const last = escalations[0];
  const cause = reasonFor(escalations, row);
  const head = title(name, regency, row, written);
  if (!row) return show(head, failure(), h("p", { cls: "band", "data-status": "none" }, t("noRow")));
  show(head, failure(), levelLine(row), dataBand(regency), why(cause, last, row),
    trend ? h("div", { cls: "detail-trend", "data-key": "trend", "data-level": row.level }, spark({ end: trend.end_ms, scores: trend.scores }, store.buckets), h("span", {}, t("trend"))) : null,
    components(row), windows(row), turnout(row), confidence(row), evidence(cause), candidates(row), history(escalations, row),
    nearby(neighbours), provenance(row));
}

function levelLine(row) {
  return h("div", { cls: "level-line", "data-key": "level", "data-level": row.level },
    h("span", { cls: "big-level" }, shape(row.level), levelWord(row)), h("span", { cls: "big-score" }, number(row.score, 1)),
    h("span", { cls: "since" }, t("sinceLevel", { level: label("level", row.level), time: timeNear(Date.parse(row.since), Date.parse(row.as_of)) })));
}

function dataBand(code) {
  const text = store.rows.has(code) ? statusText(code) : "";
  if (!text) return null;
  const status = statusOf(code);
  const note = status === "live" ? "" : ` ${t(`${status}Note`)}`;
  return h("p", { cls: "band", "data-status": status, "data-key": "band" }, h("b", {}, text), note, ` ${lastReport(code)}`);
}

function block(title, ...children) {
  return h("section", { cls: "block", "data-key": title }, h("h3", {}, t(title)), ...children);
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
    h("ul", { cls: "parts" }, parts.map(([name, value]) => h("li", { "data-key": name, "data-part": name, "data-value": value },
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
  return block("history", h("ol", { cls: "history" }, escalations.map((item) => h("li", { "data-key": item.escalation_id },
    h("time", { datetime: item.event_time }, timeNear(Date.parse(item.event_time), Date.parse(row.as_of))),
    move(item.previous_level, item.level), h("span", { cls: "change" }, word("change", item.change)),
    h("small", {}, `${label("reason", item.reason)} · ${t("episode", { n: item.episode })}`)))));
}

function nearby(neighbours) {
  if (!neighbours.length) return null;
  return block("neighbours", h("div", { cls: "nearby" }, neighbours.map(([code, name]) => {
    const level = store.rows.get(code)?.level;
    return h("button", { type: "button", cls: "ghost near", "data-key": code, "data-level": level ?? "none", ...act("open", code) },
      level ? shape(level) : null, splitName(name).join(" ").trim(), level ? h("span", { cls: "hidden" }, ` ${label("level", level)}`) : null);
  })));
}

function provenance(row) {
  return block("provenance", pairList([
    ["asOf", fullTime(Date.parse(row.as_of))], ["ruleset", row.ruleset ?? "–"],
    ["ledger", row.ledger ? t("ledgerAt", row.ledger) : "–"],
  ]), h("p", { cls: "note" }, h("a", { href: `api/regency/${row.regency}` }, t("raw"))));
}
