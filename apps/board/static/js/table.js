// The same rows as a table, worst first: for screen readers, dense rosters and large screens.

import { $, act, h, update } from "./dom.js";
import { matches } from "./filter.js";
import { number, percent, statusLabel, t, timeNear } from "./language.js";
import { rank, shape } from "./levels.js";
import { levelWord, statusText } from "./map.js";
import { arrow, hourChange, spark } from "./spark.js";
import { statusOf, store } from "./store.js";

const COLUMNS = ["level", "name", "score", "trend", "incidents1h", "reported", "turnout", "data", "since"];

export function drawTable() {
  const codes = store.layout.tiles.map(([code]) => code).filter(matches).sort(worstFirst);
  const head = h("tr", {}, COLUMNS.map((key) => h("th", { scope: "col", cls: `col-${key}` }, t(key))));
  update($("table"), h("table", {}, h("thead", {}, head), h("tbody", {}, codes.map(line))));
}

function worstFirst(a, b) {
  const [one, other] = [store.rows.get(a), store.rows.get(b)];
  return rank(other?.level) - rank(one?.level) || (other?.score ?? -1) - (one?.score ?? -1) || a.localeCompare(b);
}

function line(code) {
  const row = store.rows.get(code);
  const trend = store.trends.get(code);
  const turnout = row?.turnout ?? {};
  const cells = [
    row ? h("span", { cls: "level-word" }, shape(row.level), levelWord(row)) : "–",
    h("button", { type: "button", cls: "link", ...act("open", code) }, store.names.get(code)),
    h("span", {}, h("b", {}, row ? number(row.score) : "–"), " ", h("small", {}, arrow(hourChange(trend, store.bucketMs)))),
    spark(trend, store.buckets),
    number(row?.windows?.["1h"]?.incidents),
    `${number(turnout.stations_reported)} / ${number(turnout.stations_expected)}`,
    percent(turnout.share),
    statusText(code) || statusLabel("live"),
    row ? timeNear(Date.parse(row.since), Date.parse(row.as_of)) : "–",
  ];
  return h("tr", { "data-key": code, "data-code": code, "data-level": row?.level ?? "none", "data-status": statusOf(code) },
    cells.map((cell, i) => h("td", { cls: `col-${COLUMNS[i]}` }, cell)));
}
