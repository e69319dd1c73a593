// The shared worker: one connection to /events for all tabs of this board in a browser. HTTP/1.1 gives a browser six
// connections to a host, so a stream for each tab would leave nothing for the seventh tab, nor for any request of the
// six. A tab that comes gets the state as it is, then every event.

import { Events } from "./events.js";
import { apply, snapshot, store } from "./store.js";

const GONE_MS = 180000; // a tab that has not called for so long was closed or is frozen; it comes back by calling

const tabs = new Map(); // port -> time of its last call
const events = new Events(new URL("../../events", import.meta.url).href, take, sendLink);

function take(kind, data, receivedMs) {
  send({ kind, data, receivedMs });
  try {
    apply(kind, data, receivedMs);
  } catch (error) {
    console.error(error);
    send({ kind: "broken" }); // this copy cannot be trusted for tabs that come: each goes its own way
  }
}

function sendLink() {
  send(link());
}

const link = () => ({ kind: "link", state: events.state, sinceMs: events.sinceMs });

function send(message) {
  const now = Date.now();
  for (const [port, calledMs] of tabs) {
    if (now - calledMs > GONE_MS) tabs.delete(port);
    else port.postMessage(message);
  }
}

const CALLS = {
  here: (port) => {
    if (!tabs.has(port)) welcome(port);
    tabs.set(port, Date.now());
    port.postMessage({ kind: "here" });
  },
  again: (port) => {
    tabs.set(port, Date.now());
    events.again();
    welcome(port);
  },
  gone: (port) => tabs.delete(port),
};

function welcome(port) {
  if (store.receivedMs) port.postMessage({ kind: "snapshot", data: snapshot(), receivedMs: store.receivedMs });
  port.postMessage(link());
}

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => CALLS[data]?.(port);
  CALLS.here(port);
};
