// Score history as a small line, always on the scale 0 to 100 so that lines compare.

import { s } from "./dom.js";

export function spark(trend, buckets) {
  const svg = s("svg", { viewBox: "0 0 100 30", preserveAspectRatio: "none", cls: "spark", "aria-hidden": "true" });
  if (!trend || !trend.scores.length) return svg;
  const step = 100 / (buckets - 1);
  const first = 100 - step * (trend.scores.length - 1);
  const points = trend.scores.map((score, i) => `${(first + i * step).toFixed(1)} ${(29 - score * 0.28).toFixed(1)}`);
  if (points.length === 1) points.unshift(`${Math.max(0, first - step).toFixed(1)} ${points[0].split(" ")[1]}`);
  const line = "M" + points.join("L");
  const left = points[0].split(" ")[0];
  svg.append(s("path", { d: `${line}L100 30L${left} 30Z`, cls: "area" }), s("path", { d: line, cls: "line" }));
  return svg;
}

// Score now minus the score an hour ago, null with less than an hour of history.
export function hourChange(trend, bucketMs) {
  const back = Math.round(3600000 / bucketMs);
  if (!trend || trend.scores.length <= back) return null;
  return trend.scores.at(-1) - trend.scores.at(-1 - back);
}

export function arrow(change) {
  if (change === null || Math.abs(change) < 1) return "";
  return change > 0 ? `▲${Math.round(change)}` : `▼${Math.round(-change)}`;
}
