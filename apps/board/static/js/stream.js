// This tab's way to the events: through the worker that all tabs share, else by a connection of its own. A browser that
// has no shared workers (some telephones) or refuses this one keeps that connection while the tab is visible only, so
// that hidden tabs do not use up its six connections to the board.

import { Events } from "./events.js";
import { apply } from "./store.js";
import { BUILD } from "./words.js";

const CALL_MS = 5000;
const ANSWER_MS = 15000; // a worker that does not answer for so long is not waited for
const JUMP_MS = 5000; // a difference between the two clocks of the device: it slept, or its clock was set
const WORKER = new URL("shared.js", import.meta.url).href;

export const link = { state: "connecting", sinceMs: Date.now(), onchange: () => {}, onfault: () => {} };

let port = null;
let own = null;
let askedMs = 0; // since when the worker owes an answer, by performance.now; 0: it does not

export function connect() {
  try {
    share();
  } catch {
    connectAlone();
  }
  addEventListener("online", again);
  addEventListener("pageshow", (event) => event.persisted && call());
  addEventListener("pagehide", () => port?.postMessage("gone"));
  document.addEventListener("visibilitychange", shown);
  setInterval(call, CALL_MS);
}

function share() {
  const policy = globalThis.trustedTypes?.createPolicy("siaga", { createScriptURL: () => WORKER });
  const worker = new SharedWorker(policy ? policy.createScriptURL("") : WORKER, { type: "module", name: `siaga-${BUILD}` });
  worker.onerror = connectAlone;
  port = worker.port;
  askedMs = performance.now();
  port.onmessage = ({ data }) => {
    askedMs = 0;
    if (data.kind === "link") set(data.state, data.sinceMs);
    else if (data.kind === "broken") connectAlone();
    else if (data.kind !== "here") take(data.kind, data.data, data.receivedMs);
  };
}

function connectAlone() {
  if (own) return;
  port?.postMessage("gone");
  port?.close();
  port = null;
  openOwn();
}

function openOwn() {
  if (document.hidden) return;
  own = new Events(new URL("../../events", import.meta.url).href, take, () => set(own.state, own.sinceMs));
  set(own.state, own.sinceMs);
}

function take(kind, data, receivedMs) {
  try {
    apply(kind, data, receivedMs);
  } catch (error) {
    link.onfault(error);
  }
}

function set(state, sinceMs) {
  Object.assign(link, { state, sinceMs });
  link.onchange();
}

function shown() {
  if (port) call();
  else if (document.hidden) {
    own?.close();
    own = null;
  } else if (!own) openOwn();
}

function call() {
  if (slept()) return again();
  if (port && askedMs && performance.now() - askedMs > ANSWER_MS) return connectAlone();
  ask("here");
}

function ask(what) {
  if (!port) return;
  askedMs ||= performance.now();
  port.postMessage(what);
}

let difference = Date.now() - performance.now();
function slept() {
  const before = difference;
  difference = Date.now() - performance.now();
  return Math.abs(difference - before) > JUMP_MS;
}

// What is shown may be old without our knowing: say so until the board has answered.
function again() {
  set("lost", Date.now());
  ask("again");
  own?.again();
}
