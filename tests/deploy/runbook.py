"""The commands in docs/operating/runbook.md."""

import re
from pathlib import Path

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "operating" / "runbook.md"
# Long-running programs, which the page mentions by their command alone.
PROGRAMS = {"worker", "board", "webhook", "cap"}


def text() -> str:
    """The whole page."""
    return RUNBOOK.read_text(encoding="utf-8")


def commands() -> list[tuple[str, ...]]:
    """Each distinct `siaga ...` command, its words without `siaga`; the bare name of a program is not a command."""
    spans = (tuple(span.split()) for span in re.findall(r"`(siaga [a-z][^`]*)`", text()))
    return sorted({words[1:] for words in spans if not (len(words) == 2 and words[1] in PROGRAMS)})
