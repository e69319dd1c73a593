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
  notes: new Map(), // regencies whose row is not their present state: "late" or "unreadable"
  unlisted: new Set(), // regencies with a row that are not in the board's roster
  clockSkewMs: 0, // board minus this device
  receivedMs: 0, // when the last event came, by this device's clock; 0: none yet
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

// Takes an event of the board, which came at `receivedMs`. It may have waited since: a frozen tab gets it later.
export function apply(kind, message, receivedMs) {
  store.clockSkewMs = message.now_ms - receivedMs;
  store.receivedMs = receivedMs;
  store.feed = message.feed;
  KINDS[kind](message);
}

// All that a snapshot of the board holds, for a tab that comes later.
export function snapshot() {
  return {
    rows: [...store.rows.values()], provinces: [...store.provinces.values()], escalations: store.escalations.toReversed(),
    trends: Object.fromEntries([...store.trends].map(([code, t]) => [code, { end_ms: t.end, scores: t.scores }])),
    bucket_ms: store.bucketMs, buckets: store.buckets, facts: store.facts, layout: store.layout, feed: store.feed,
    now_ms: store.receivedMs + store.clockSkewMs,
  };
}

const KINDS = {
  snapshot(message) {
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
    notify({ all: true, escalations: fresh });
  },
  update(message) {
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
    notify({ all: Boolean(message.layout), codes, escalations: fresh });
  },
  beat() {
    notify({ codes: new Set(), escalations: [] });
  },
};

export function setFilter(filter) {
  Object.assign(store.filter, filter);
  notify({ codes: new Set(), escalations: [], filter: true });
}

function applyLayout(layout) {
  store.layout = layout;
  store.names = new Map(layout.tiles.map(([code, name]) => [code, name]));
  store.unlisted = new Set(layout.unlisted);
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
