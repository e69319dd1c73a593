// How current the page is: one table of states, of which the first that holds is shown. Pure, so that every state can be
// tested. What shows that the workers are alive is chosen here alone: by the wall clock each regency gets a row at every
// grid time (15 s), so rows older than two of them mean that something stands still. By the event clock rows come with
// messages and for every minute of them, so a pause can also mean that nothing is reported.

const OLD_MS = 30000;
const ROWS_MISSED = 2;
const EVENT_ROW_MS = 60000;
const DEAD_TIMES = 4; // a takeover by another worker takes less than this many times the limit
const BRIEF_MS = 3000; // a reconnect within this shows no banner

// name, look (ok, wait, warn, bad), condition, and since when (board's time; null: no time is shown).
const STATES = [
  ["fault", "bad", (x) => x.faultMs, (x) => x.faultMs + x.skewMs],
  ["build", "warn", (x) => x.isOtherBuild, () => null],
  ["offline", "bad", (x) => x.link.state !== "live" && !x.isOnline, (x) => x.link.sinceMs + x.skewMs],
  ["connecting", "wait", (x) => x.link.state !== "live" && !x.receivedMs && x.lostMs < BRIEF_MS, () => null],
  ["lost", "bad", (x) => x.link.state !== "live", (x) => x.link.sinceMs + x.skewMs],
  ["connecting", "wait", (x) => !x.receivedMs, () => null],
  ["starting", "bad", (x) => x.feed?.status === "starting", () => null],
  ["behind", "bad", (x) => x.feed?.status === "behind", (x) => x.receivedMs + x.skewMs - x.feed.behind_s * 1000],
  ["empty", "warn", (x) => !x.newestMs, () => null],
  ["dead", "bad", (x) => x.rowAgeMs >= DEAD_TIMES * x.limitMs, (x) => x.newestMs],
  ["old", "warn", (x) => x.rowAgeMs >= x.limitMs, (x) => x.newestMs],
  ["late", "warn", (x) => x.late.length, (x) => Math.max(...x.late.map((row) => row.written_ms))],
  ["unreadable", "warn", (x) => x.feed?.unreadable?.length, () => null],
  ["missed", "warn", (x) => x.feed?.missed_escalations, () => null],
  ["live", "ok", () => true, () => null],
];

// `view`: link {state, sinceMs}, isOnline, faultMs (0: none), isOtherBuild, nowMs and receivedMs (of this device; 0: no
// event yet), skewMs (board minus device), feed, facts, rows, unlisted. Times in the result are the board's.
export function freshness(view) {
  const x = { ...view, lostMs: view.nowMs - view.link.sinceMs };
  const now = view.nowMs + view.skewMs;
  const isEvent = view.facts.clock === "event";
  x.limitMs = Math.max(OLD_MS, ROWS_MISSED * (isEvent ? EVENT_ROW_MS : (view.facts.row_every_s ?? 0) * 1000));
  x.newestMs = Math.max(0, ...view.rows.map((row) => row.written_ms));
  x.rowAgeMs = Math.max(0, now - x.newestMs);
  x.late = isEvent ? [] : view.rows.filter((row) => now - row.written_ms >= x.limitMs && !view.unlisted.has(row.regency));
  const [name, look, , since] = STATES.find(([, , holds]) => holds(x));
  return {
    state: name, look, sinceMs: since(x), newestMs: x.newestMs, nowMs: now, isEvent,
    isBrief: name === "lost" && x.receivedMs > 0 && x.lostMs < BRIEF_MS,
    named: name === "late" ? x.late.map((row) => row.regency) : name === "unreadable" ? view.feed.unreadable : [],
    missed: view.feed?.missed_escalations ?? 0,
    trouble: view.feed?.trouble || "slow",
  };
}
