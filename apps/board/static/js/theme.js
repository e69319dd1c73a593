// Before the first paint, so that a dark room is not lit up: the theme chosen here earlier, else the system's.
document.documentElement.dataset.theme = localStorage.getItem("siaga.theme") || "auto";
