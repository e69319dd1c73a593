// How current the page is: its connection to the board, the board's lag behind Kafka, and the two clocks.

import { $, setText } from "./dom.js";
import { age, clockTime, fullTime, t } from "./language.js";
import { eventNow, serverNow, store } from "./store.js";
import { link } from "./stream.js";

const BANNER_AFTER_MS = 3000; // a reconnect within this shows no banner
const OLD_ROW_MS = 120000; // workers write a row at least every few seconds
const SAME_DAY_MS = 10 * 60000;

export function drawLink() {
  const { state, text } = connectionState();
  document.body.dataset.link = state;
  const pill = $("link");
  pill.dataset.state = state;
  const asOf = store.receivedMs ? ` · ${t("dataAsOf", { time: clockTime(store.receivedMs) })}` : "";
  setText(pill, t(state === "old" ? "link_live" : `link_${state}`) + asOf);
  const banner = $("banner");
  setText(banner, text ?? "");
  banner.hidden = !text;
  banner.dataset.state = state;
}

function connectionState() {
  const { feed, receivedMs } = store;
  const lostMs = Date.now() - link.since;
  if (link.state !== "live") {
    if (!receivedMs) return { state: "connecting" };
    const text = lostMs > BANNER_AFTER_MS ? t("lostBanner", { age: age(lostMs), time: clockTime(receivedMs) }) : null;
    return { state: "lost", text };
  }
  const trouble = feed?.trouble ?? "";
  if (feed?.status === "starting") return { state: "behind", text: t("startingBanner", { trouble }) };
  if (feed?.status === "behind") return { state: "behind", text: t("behindBanner", { age: age(feed.behind_s * 1000), trouble }) };
  const rowAge = serverNow() - (feed?.newest_row_ms ?? 0);
  if (feed?.newest_row_ms && rowAge > OLD_ROW_MS) return { state: "old", text: t("oldBanner", { age: age(rowAge) }) };
  return { state: "live" };
}

export function drawClocks() {
  const event = eventNow();
  const wall = serverNow();
  setText($("wall-clock"), clockTime(wall, true));
  const past = event && Math.abs(wall - event) > SAME_DAY_MS;
  setText($("event-clock"), event ? fullTime(event) : "–");
  setText($("event-label"), t("eventClock") + (past ? ` · ${t("replayed")}` : ""));
  $("event-clock").parentElement.dataset.past = String(Boolean(past));
  drawLink();
}
