// The connection to /events, in the shared worker or, where there is none, in the page itself. EventSource reconnects by
// itself and sends Last-Event-ID. This adds what it lacks: detecting an open connection that delivers nothing, retrying
// after an answer that EventSource treats as final (a proxy's 502, a board starting up), and starting again when the
// device slept, because what was queued meanwhile would pass for the present.

const IDLE_MAX_MS = 25000; // the board sends something every 10 s
const RETRY_MS = [1000, 2000, 4000, 8000];
const TICK_MS = 2000;
const SLEPT_MS = 20000; // no tick for so long: the device slept, or the page was frozen
const KINDS = ["snapshot", "update", "beat"];

export class Events {
  // `take(kind, data, receivedMs)` gets every event, `changed()` is called when `state` ("connecting", "live", "lost")
  // is another; `sinceMs` is the time of the change.
  constructor(url, take, changed) {
    Object.assign(this, { url, take, changed, state: "connecting", sinceMs: Date.now(), source: null, lastId: "", failures: 0 });
    this.tickedMs = this.receivedMs = Date.now();
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.open();
  }

  open() {
    this.source?.close();
    this.receivedMs = Date.now();
    const url = new URL(this.url);
    if (this.lastId) url.searchParams.set("last_event_id", this.lastId);
    const source = (this.source = new EventSource(url));
    for (const kind of KINDS) source.addEventListener(kind, (event) => source === this.source && this.receive(kind, event));
    source.onerror = () => source === this.source && this.lost();
  }

  close() {
    clearInterval(this.timer);
    this.source?.close();
    this.source = null;
  }

  receive(kind, event) {
    this.receivedMs = Date.now();
    this.failures = 0;
    if (event.lastEventId) this.lastId = event.lastEventId;
    this.take(kind, JSON.parse(event.data), this.receivedMs);
    this.set("live");
  }

  lost() {
    this.set("lost");
    if (this.source.readyState !== EventSource.CLOSED) return;
    const source = this.source;
    setTimeout(() => source === this.source && this.open(), RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]);
    this.failures += 1;
  }

  tick() {
    const now = Date.now();
    const slept = Math.abs(now - this.tickedMs) > SLEPT_MS;
    this.tickedMs = now;
    if (slept || now - this.receivedMs > IDLE_MAX_MS) this.again();
  }

  // Nothing that comes by the old connection is believed: reconnect, from the last event on.
  again() {
    this.set("lost");
    this.open();
  }

  set(state) {
    if (this.state === state) return;
    this.state = state;
    this.sinceMs = Date.now();
    this.changed();
  }
}
