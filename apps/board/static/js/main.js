// Wires the page: events change the store, changes of the store are drawn, keys and buttons change filter and view.

import { closeDetail, openCode, openDetail, redraw, refreshSoon } from "./detail.js";
import { $ } from "./dom.js";
import { drawFeed, announce } from "./feed.js";
import { openHelp } from "./help.js";
import { language, switchLanguage, t } from "./language.js";
import { checkBuild, drawClocks, drawLink, failed, startLink } from "./link.js";
import { drawLayout, drawTiles, focusTile, markOpen, setCurrent, startMap } from "./map.js";
import { filtering, matches } from "./filter.js";
import { remember, remembered } from "./memory.js";
import { setFilter, store, subscribe } from "./store.js";
import { connect } from "./stream.js";
import { drawSummary, toggle } from "./summary.js";
import { drawTable } from "./table.js";

const THEMES = ["auto", "light", "dark"];
const TILE_TICK_MS = 20000; // the age of missing data grows without an event

let view = remembered("siaga.view") || "map";
let pending = null;

subscribe((change) => {
  pending ??= { all: false, codes: new Set(), escalations: [], timer: setTimeout(drawPending, 30) };
  pending.all ||= Boolean(change.all || change.filter);
  pending.layout ||= Boolean(change.all);
  for (const code of change.codes ?? []) pending.codes.add(code);
  pending.escalations.push(...change.escalations);
});

function drawPending() {
  const change = pending;
  pending = null;
  try {
    draw(change);
  } catch (error) {
    failed(error);
  }
}

function draw({ all, layout, codes, escalations }) {
  checkBuild();
  if (layout) drawLayout();
  else if (all) drawTiles();
  else if (codes.size) drawTiles(codes);
  if (all || codes.size) {
    drawSummary();
    if (view === "table") drawTable();
    $("none").hidden = !filtering() || store.layout.tiles.some(([code]) => matches(code));
  }
  if (all || escalations.length) drawFeed(escalations);
  announce(escalations);
  if (all || codes.has(openCode()) || escalations.some((e) => e.regency === openCode())) refreshSoon();
  markOpen(openCode());
  if (all) drawFoot();
  if (document.documentElement.dataset.ready) drawLink();
  else drawClocks(); // draw the clocks with the first rows, not a second later
  document.documentElement.dataset.ready = "true";
}

function open(code) {
  if (openCode() === code) $("detail").focus();
  else location.hash = code;
}

function close() {
  history.pushState(null, "", location.pathname + location.search);
  follow();
}

function follow() {
  const code = decodeURIComponent(location.hash.slice(1));
  const before = openCode();
  if (code === before) return;
  if (/^\d\d\.\d\d$/.test(code)) openDetail(code);
  else if (before) {
    closeDetail();
    focusTile(before);
  }
  markOpen(openCode());
}

function setView(next) {
  view = next;
  remember("siaga.view", view);
  $("map").hidden = view !== "map";
  $("table").hidden = view !== "table";
  $("view-map").setAttribute("aria-pressed", String(view === "map"));
  $("view-table").setAttribute("aria-pressed", String(view === "table"));
  if (view === "table") drawTable();
}

function drawWords() {
  document.documentElement.lang = language();
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
  for (const element of document.querySelectorAll("[data-placeholder]")) element.placeholder = t(element.dataset.placeholder);
  $("language").textContent = t("language");
  $("language").title = t("languageName");
  $("help-open").setAttribute("aria-label", t("helpName"));
  drawTheme();
  drawFoot();
  drawSummary();
  drawTiles();
  drawFeed();
  if (view === "table") drawTable();
  redraw();
  drawClocks();
}

function drawFoot() {
  const { deployment } = store.facts;
  $("foot").textContent = t("viewers") + (deployment ? ` · ${t("deployment", { name: deployment })}` : "");
}

function nextLanguage() {
  switchLanguage();
  drawWords();
}

function drawTheme() {
  $("theme").textContent = t(`theme_${document.documentElement.dataset.theme}`);
}

function nextTheme() {
  const { dataset } = document.documentElement;
  dataset.theme = THEMES[(THEMES.indexOf(dataset.theme) + 1) % THEMES.length];
  remember("siaga.theme", dataset.theme);
  drawTheme();
}

function escape() {
  if (openCode()) close();
  else if (filtering()) {
    $("filter").value = "";
    setFilter({ levels: new Set(), statuses: new Set(), text: "" });
  }
}

const SHORTCUTS = {
  "/": () => $("filter").focus(), Escape: escape, "?": openHelp, l: nextLanguage, t: nextTheme,
  v: () => setView(view === "map" ? "table" : "map"),
};

// What the elements with data-act do when they are clicked.
const ACTIONS = {
  open: (code) => {
    setCurrent(code);
    open(code);
  },
  close, levels: (level) => toggle("levels", level), statuses: (status) => toggle("statuses", status),
  closeHelp: () => $("help").close(),
};

document.addEventListener("click", (event) => {
  const chosen = event.target.closest?.("[data-act]");
  if (chosen) ACTIONS[chosen.dataset.act](chosen.dataset.arg);
});

addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || $("help").open) return;
  const typing = event.target.matches("input");
  if (typing && event.key !== "Escape") return;
  const action = SHORTCUTS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
  if (typing) focusTile();
});

$("filter").addEventListener("input", () => setFilter({ text: $("filter").value.trim() }));
$("language").addEventListener("click", nextLanguage);
$("theme").addEventListener("click", nextTheme);
$("help-open").addEventListener("click", openHelp);
$("view-map").addEventListener("click", () => setView("map"));
$("view-table").addEventListener("click", () => setView("table"));
addEventListener("hashchange", follow);
addEventListener("popstate", follow);
setInterval(drawClocks, 1000);
setInterval(drawTiles, TILE_TICK_MS);
for (const name of ["online", "offline"]) addEventListener(name, drawLink);
document.addEventListener("visibilitychange", drawClocks); // timers of a hidden tab come once a minute
addEventListener("error", (event) => failed(event.error ?? event.message));
addEventListener("unhandledrejection", (event) => failed(event.reason));

document.documentElement.dataset.started = "true";
startLink((codes) => {
  drawTiles(codes);
  if (view === "table") drawTable();
  if (codes.has(openCode())) redraw();
});
startMap();
setView(view);
drawWords();
connect();
follow();
