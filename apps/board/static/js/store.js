// The page's copy of the state. Events are applied here; subscribers are called with the regencies that changed.

const FEED_MAX = 300;

export const store = {
  rows: new Map(),
  provinces: new Map(),
  trends: new Map(),
  escalations: [], // newest first
  layout: { columns: 0, rows: 0, tiles: [] },
  names: new Map(),
  facts: {},
  feed: null, // the board's lag behind Kafka
  bucketMs: 300000,
  buckets: 72,
  clockSkewMs: 0, // server minus browser
  receivedMs: 0, // server time of the last event
  filter: { levels: new Set(), statuses: new Set(), text: "" },
};

const known = new Set();
const listeners = new Set();

export function subscribe(listener) {
  listeners.add(listener);
}

function notify(change) {
  for (const listener of listeners) listener(change);
}

export const serverNow = () => Date.now() + store.clockSkewMs;

// The newest regency clock: event time, which may be years ago in a replay.
export function eventNow() {
  let newest = 0;
  for (const row of store.rows.values()) newest = Math.max(newest, Date.parse(row.as_of) || 0);
  return newest;
}

export function statusOf(code) {
  return store.rows.get(code)?.data_status ?? "none";
}

export function applySnapshot(message) {
  store.rows = new Map(message.rows.map((row) => [row.regency, row]));
  store.provinces = new Map(message.provinces.map((row) => [row.province, row]));
  store.trends = new Map(Object.entries(message.trends).map(([code, t]) => [code, { end: t.end_ms, scores: t.scores }]));
  store.bucketMs = message.bucket_ms;
  store.buckets = message.buckets;
  store.facts = message.facts;
  const fresh = known.size ? message.escalations.filter((e) => !known.has(e.escalation_id)) : [];
  known.clear();
  store.escalations = [];
  addEscalations(message.escalations);
  applyLayout(message.layout);
  applyNow(message);
  notify({ all: true, escalations: fresh });
}

export function applyUpdate(message) {
  if (message.layout) applyLayout(message.layout);
  const codes = new Set(message.removed);
  for (const code of message.removed) {
    store.rows.delete(code);
    store.trends.delete(code);
    store.provinces.delete(code);
  }
  for (const row of message.rows) {
    store.rows.set(row.regency, row);
    addToTrend(row);
    codes.add(row.regency);
  }
  for (const row of message.provinces) store.provinces.set(row.province, row);
  const fresh = addEscalations(message.escalations);
  applyNow(message);
  notify({ all: Boolean(message.layout), codes, escalations: fresh });
}

export function applyBeat(message) {
  applyNow(message);
  notify({ codes: new Set(), escalations: [] });
}

export function setFilter(filter) {
  Object.assign(store.filter, filter);
  notify({ codes: new Set(), escalations: [], filter: true });
}

function applyNow(message) {
  store.clockSkewMs = message.now_ms - Date.now();
  store.receivedMs = message.now_ms;
  store.feed = message.feed;
}

function applyLayout(layout) {
  store.layout = layout;
  store.names = new Map(layout.tiles.map(([code, name]) => [code, name]));
}

function addEscalations(list) {
  const fresh = list.filter((escalation) => !known.has(escalation.escalation_id));
  for (const escalation of fresh) known.add(escalation.escalation_id);
  store.escalations.unshift(...fresh.slice().reverse());
  for (const gone of store.escalations.splice(FEED_MAX)) known.delete(gone.escalation_id);
  return fresh;
}

// The same rule as the server's ScoreHistory in apps/board/regency_history.py.
function addToTrend(row) {
  const end = Math.floor(Date.parse(row.as_of) / store.bucketMs) * store.bucketMs;
  const trend = store.trends.get(row.regency);
  const step = trend ? (end - trend.end) / store.bucketMs : NaN;
  if (step === 0) trend.scores[trend.scores.length - 1] = row.score;
  else if (step > 0 && step < store.buckets) {
    const held = trend.scores.at(-1);
    trend.scores.push(...Array(step - 1).fill(held), row.score);
    trend.scores.splice(0, trend.scores.length - store.buckets);
    trend.end = end;
  } else store.trends.set(row.regency, { end, scores: [row.score] });
}
