// Runs before the first paint, so that a dark page does not flash white: the theme chosen earlier, else the system's.
document.documentElement.dataset.theme = localStorage.getItem("siaga.theme") || "auto";
