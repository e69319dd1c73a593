// The summary above the map: counts by level and data status, totals, provinces. Its chips filter the map.

import { $, act, h, update } from "./dom.js";
import { label, number, percent, statusLabel, t, text } from "./language.js";
import { LEVELS, shape, STATUSES } from "./levels.js";
import { setFilter, statusOf, store } from "./store.js";

export function drawSummary() {
  const codes = store.layout.tiles.map(([code]) => code);
  const count = (test) => codes.filter(test).length;
  const { levels, statuses } = store.filter;
  update($("levels"), LEVELS.toReversed().map((level) =>
    chip(level, label("level", level), levels, "levels", count((code) => store.rows.get(code)?.level === level), shape(level), "level")));
  update($("statuses"), STATUSES.map((status) => [status, count((code) => statusOf(code) === status)])
    .filter(([status, n]) => n || status === "live" || statuses.has(status))
    .map(([status, n]) => chip(status, statusLabel(status), statuses, "statuses", n, h("span", { cls: `swatch swatch-${status}`, "aria-hidden": "true" }), "status")));
  update($("totals"), totals());
  drawProvinces();
}

function chip(value, name, chosen, field, n, mark, kind) {
  return h("button", {
      type: "button", cls: `chip chip-${kind}`, ...act(field, value), "data-key": value, "data-chip": value, "data-value": value, "data-count": n,
      "aria-pressed": String(chosen.has(value)),
    }, mark, h("span", { cls: "chip-word" }, name), h("b", {}, number(n)));
}

// Adds a value to a filter or takes it out.
export function toggle(field, value) {
  const next = new Set(store.filter[field]);
  if (!next.delete(value)) next.add(value);
  setFilter({ [field]: next });
}

function totals() {
  const sum = { incidents: 0, reported: 0, expected: 0, voted: 0, registered: 0 };
  for (const { windows, turnout } of store.rows.values()) {
    sum.incidents += windows?.["1h"]?.incidents ?? 0;
    sum.reported += turnout?.stations_reported ?? 0;
    sum.expected += turnout?.stations_expected ?? 0;
    sum.voted += turnout?.voted ?? 0;
    sum.registered += turnout?.registered ?? 0;
  }
  return [
    total("incidents1h", number(sum.incidents)),
    total("reported", `${number(sum.reported)} / ${number(sum.expected)}`),
    total("turnout", sum.registered ? percent(sum.voted / sum.registered) : "–"),
  ];
}

const total = (key, value) => h("div", { cls: "total", "data-total": key }, h("dt", {}, t(key)), h("dd", {}, value));

function drawProvinces() {
  const rows = [...store.provinces.values()].sort((a, b) => a.province.localeCompare(b.province));
  $("provinces").hidden = !rows.length;
  update($("provinces"), rows.map((row) =>
    h("div", { cls: "province", "data-key": row.province, "data-level": row.level },
      h("span", { cls: "level-word" }, shape(row.level), label("level", row.level)),
      h("b", {}, text("place", "province", { code: row.province })),
      Number.isFinite(row.score) ? h("span", {}, `${t("score")} ${number(row.score)}`) : null,
      row.not_live?.length ? h("span", {}, t("notLive", { n: row.not_live.length })) : null)));
}
