// The help dialog: keys, levels and data statuses.

import { $, act, h } from "./dom.js";
import { label, statusLabel, t } from "./language.js";
import { LEVELS, shape, STATUSES } from "./levels.js";
import { drawLink } from "./link.js";

const KEYS = [["← ↑ ↓ →", "keysArrows"], ["Enter", "keysEnter"], ["Esc", "keysEsc"], ["/", "keysSlash"], ["V", "keysView"], ["L", "keysLang"],
  ["T", "keysTheme"], ["?", "keysHelp"]];
const MEANINGS = { live: "helpLive", stale: "helpStale", silent: "helpSilent", none: "helpNone" };

export function openHelp() {
  const dialog = $("help");
  const close = h("button", { type: "button", cls: "ghost close", "aria-label": t("close"), ...act("closeHelp") }, "✕");
  dialog.replaceChildren(
    h("header", { cls: "detail-head" }, h("h2", { id: "help-title" }, t("help")), close),
    // The dialog lies above the line of the page that says how old it is.
    h("p", { cls: "status-line" }, h("span", { cls: "pill" }), h("span", { cls: "age" })),
    h("p", { cls: "banner", hidden: true }),
    h("dl", { cls: "keys" }, KEYS.map(([key, about]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, t(about))))),
    h("h3", {}, t("helpLevels")),
    h("ul", { cls: "legend" }, LEVELS.toReversed().map((level) => h("li", {}, h("span", { cls: "level-word", "data-level": level }, shape(level), label("level", level)), ` ${t(`say_${level}`)}`))),
    h("h3", {}, t("helpData")),
    h("ul", { cls: "legend" }, STATUSES.map((status) => h("li", {}, h("span", { cls: `swatch swatch-${status}` }), h("b", {}, statusLabel(status)), ` ${t(MEANINGS[status])}`))),
  );
  drawLink();
  dialog.showModal();
}
