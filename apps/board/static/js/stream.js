// The connection to /events. EventSource reconnects by itself and sends Last-Event-ID. This file adds what it lacks:
// detecting an open connection that delivers nothing, and retrying after an answer that EventSource treats as final
// (a proxy's 502, a board starting up).

import { applyBeat, applySnapshot, applyUpdate } from "./store.js";

const IDLE_MAX_MS = 25000; // the board sends something every 10 s
const RETRY_MS = [1000, 2000, 4000, 8000];

export const link = { state: "connecting", since: Date.now(), onchange: () => {} };

let source = null;
let lastId = "";
let lastReceived = Date.now();
let failures = 0;

export function connect() {
  source?.close();
  lastReceived = Date.now();
  source = new EventSource(lastId ? `/events?last_event_id=${encodeURIComponent(lastId)}` : "/events");
  source.addEventListener("snapshot", (event) => receive(event, applySnapshot));
  source.addEventListener("update", (event) => receive(event, applyUpdate));
  source.addEventListener("beat", (event) => receive(event, applyBeat));
  source.onerror = lost;
}

function receive(event, take) {
  lastReceived = Date.now();
  failures = 0;
  if (event.lastEventId) lastId = event.lastEventId;
  take(JSON.parse(event.data));
  set("live");
}

function lost() {
  set("lost");
  if (source.readyState === EventSource.CLOSED) {
    setTimeout(connect, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
    failures += 1;
  }
}

function set(state) {
  if (link.state === state) return;
  link.state = state;
  link.since = Date.now();
  link.onchange();
}

setInterval(() => {
  if (source && Date.now() - lastReceived > IDLE_MAX_MS) {
    set("lost");
    connect();
  }
}, 2000);
