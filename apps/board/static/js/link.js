// What the page itself is worth right now: the link to the board, the board's own hearing, and the two clocks.

import { $, setText } from "./dom.js";
import { age, clockTime, fullTime, t } from "./language.js";
import { eventNow, serverNow, store } from "./store.js";
import { link } from "./stream.js";

const PATIENCE_MS = 3000; // a reconnect within this is not worth a banner
const OLD_ROW_MS = 120000; // workers tell the time every few seconds
const SAME_DAY_MS = 10 * 60000;

export function drawLink() {
  const { state, text } = judge();
  document.body.dataset.link = state;
  const pill = $("link");
  pill.dataset.state = state;
  const asOf = store.heardMs ? ` · ${t("dataAsOf", { time: clockTime(store.heardMs) })}` : "";
  setText(pill, t(state === "old" ? "link_live" : `link_${state}`) + asOf);
  const banner = $("banner");
  setText(banner, text ?? "");
  banner.hidden = !text;
  banner.dataset.state = state;
}

function judge() {
  const { feed, heardMs } = store;
  const lostMs = Date.now() - link.since;
  if (link.state !== "live") {
    if (!heardMs) return { state: "connecting" };
    const text = lostMs > PATIENCE_MS ? t("lostBanner", { age: age(lostMs), time: clockTime(heardMs) }) : null;
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
