"""Sources: which agency a publishing system belongs to, and what it may report, about where, on which topic.

A sources file is a TOML file. `Sources.parse` checks all of it and names line, source and field of the first error.
`Sources.speakers` gives the rules of one input topic, ready for the hot path. docs/operating/sources.md explains the
file to the people who write one.
"""

from schemas.sources.model import Source, Sources, SourcesError
from schemas.sources.speakers import UNKNOWN_MARK, UNRANKED, Speaker, Speakers, shown_agency

__all__ = ["UNKNOWN_MARK", "UNRANKED", "Source", "Sources", "SourcesError", "Speaker", "Speakers", "shown_agency"]
