// Short names: a tile has room for a word or two, the smallest for four letters.

// ["Kota", "Palembang"], ["", "Ogan Komering Ulu"]: most are Kabupaten, so only Kota is kept.
export function splitName(name) {
  const match = /^(Kabupaten|Kab\.?|Kota)\s+(.+)$/.exec(name || "");
  return match ? [match[1] === "Kota" ? "Kota" : "", match[2]] : ["", name || ""];
}

export const shortName = (name) => splitName(name)[1];

export function initials(name) {
  const words = shortName(name).split(/[\s-]+/).filter(Boolean);
  if (words.length === 1) return words[0].slice(0, 4);
  return words.map((word) => word[0]).join("").toUpperCase().slice(0, 5);
}
