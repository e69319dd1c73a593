"""What docs/operating/runbook.md tells an operator to type."""

import re
from pathlib import Path

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "operating" / "runbook.md"
# Long-running programs, which the page names by their command alone.
PROGRAMS = {"worker", "board", "webhook", "cap"}


def text() -> str:
    """The whole page."""
    return RUNBOOK.read_text(encoding="utf-8")


def commands() -> list[tuple[str, ...]]:
    """Each `siaga ...` to be typed, its words without `siaga`, once; a program's bare name is none."""
    spans = (tuple(span.split()) for span in re.findall(r"`(siaga [a-z][^`]*)`", text()))
    return sorted({words[1:] for words in spans if not (len(words) == 2 and words[1] in PROGRAMS)})
