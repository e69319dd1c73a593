"""Who may say what, where, and for which agency: the sources file, by the contract."""

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

#: Of a source without a place in the order of turnout.
UNRANKED = 1000
#: What the ledger writes before the name of an agency that no file knows.
STRANGER = "?"


class Speaker(NamedTuple):
    agency: str
    rank: int


class Sources:
    """One sources file, parsed."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._sources: dict[str, dict[str, Any]] = content.get("sources", {})
        self._takes_unknown = content.get("unknown", "accept") == "accept"

    @classmethod
    def load(cls, path: Path) -> "Sources":
        return cls(tomllib.loads(path.read_text(encoding="utf-8")))

    def speaker(self, source: str, topic: str, regency: str) -> Speaker | None:
        """Of a message on `incidents`, `turnout` or one of a publisher's own topics (`turnout.kpu`); None: refused."""
        kind, _, own = topic.partition(".")
        known = self._sources.get(source)
        if known is None:
            return Speaker(STRANGER + source, UNRANKED) if self._takes_unknown and not own else None
        if known.get("input", "") != own or kind not in known.get("only", [kind]):
            return None
        if regency not in known.get("regencies", [regency]):
            return None
        return Speaker(known.get("agency", source), known.get("turnout", UNRANKED))


#: A worker's default sources file.
DEFAULT_SOURCES = Sources.load(Path(__file__).resolve().parents[2] / "schemas" / "sources" / "sumsel.toml")
