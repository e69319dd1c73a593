"""What a sources file may say and probably does not mean."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from schemas.sources.model import Sources
from schemas.topics import Topic

#: Regencies that a line names; a nation has more than five hundred.
NAMED_MOST = 10


def doubts(sources: Sources, regencies: Collection[str]) -> Iterator[str]:
    """One line for each doubt; `regencies` are the roster's codes, in its order."""
    yield from _invented_names(sources)
    yield from _lone_agencies(sources)
    yield from _shared_inputs(sources)
    yield from _foreign_regencies(sources, regencies)
    yield from _uncounted_regencies(sources, regencies)


def _invented_names(sources: Sources) -> Iterator[str]:
    """Under two names that nobody knows one writer confirms its own reports."""
    if sources.unknown == "accept":
        yield 'unknown is "accept": who may write the common topics can report as any number of agencies'


def _lone_agencies(sources: Sources) -> Iterator[str]:
    sizes = Counter(source.agency for source in sources.sources.values())
    for name, source in sources.sources.items():
        if sizes[source.agency] == 1 and source.agency != name:
            yield f"sources.{name}.agency: no other source belongs to {source.agency}; is it misspelt?"


def _shared_inputs(sources: Sources) -> Iterator[str]:
    """Who may write an input may write in the name of each of its sources, and so confirm its own reports."""
    for name in sources.inputs:
        agencies = sorted({source.agency for source in sources.sources.values() if source.input == name})
        if len(agencies) > 1:
            yield f"input {name}: {' and '.join(agencies)} share it, so its user can report in the name of each"


def _foreign_regencies(sources: Sources, regencies: Collection[str]) -> Iterator[str]:
    for name, source in sources.sources.items():
        if foreign := [code for code in source.regencies or () if code not in regencies]:
            yield f"sources.{name}.regencies: the roster lacks {_some(foreign)}"


def _uncounted_regencies(sources: Sources, regencies: Collection[str]) -> Iterator[str]:
    counting = [source for source in sources.sources.values() if Topic.TURNOUT in source.only]
    if any(source.regencies is None for source in counting):
        return
    counted = {code for source in counting for code in source.regencies or ()}
    if missing := [code for code in regencies if code not in counted]:
        yield f"no source of the file may report turnout of {_some(missing)}"


def _some(codes: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    named = ", ".join(codes[:NAMED_MOST])
    return f"{named} and {len(codes) - NAMED_MOST} more" if len(codes) > NAMED_MOST else named
