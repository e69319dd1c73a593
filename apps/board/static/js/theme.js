// Runs before the first paint, so that a dark page does not flash white: the theme chosen earlier, else the system's.
document.documentElement.dataset.theme = "auto";
try {
  document.documentElement.dataset.theme = localStorage.getItem("siaga.theme") || "auto";
} catch {
  // The browser may not remember anything.
}
// Without the page's modules (a proxy that does not pass them on) nothing else could say so.
setTimeout(() => {
  if (!document.documentElement.dataset.started) document.getElementById("not-loaded").hidden = false;
}, 10000);
