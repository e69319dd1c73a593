// The live connection. EventSource reconnects by itself and sends Last-Event-ID; what it cannot do is done here: notice a
// connection that is open but dead, and come back after an answer it takes for final (a proxy's 502, a board starting up).

import { takeBeat, takeSnapshot, takeUpdate } from "./store.js";

const SILENCE_MS = 25000; // the board sends something every 10 s
const RETRY_MS = [1000, 2000, 4000, 8000];

export const link = { state: "connecting", since: Date.now(), onchange: () => {} };

let source = null;
let lastId = "";
let lastHeard = Date.now();
let failures = 0;

export function connect() {
  source?.close();
  lastHeard = Date.now();
  source = new EventSource(lastId ? `/events?last_event_id=${encodeURIComponent(lastId)}` : "/events");
  source.addEventListener("snapshot", (event) => heard(event, takeSnapshot));
  source.addEventListener("update", (event) => heard(event, takeUpdate));
  source.addEventListener("beat", (event) => heard(event, takeBeat));
  source.onerror = lost;
}

function heard(event, take) {
  lastHeard = Date.now();
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
  if (source && Date.now() - lastHeard > SILENCE_MS) {
    set("lost");
    connect();
  }
}, 2000);
