"""Finds where reading a source starts: looks up what `start.RULES` need, and logs what they decide."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from ..options import BatchingOptions
from ..partition_end import has_records
from .lookup import Sources
from .notes import Notes
from .start import Known, Start, Verdict, decide, start_at

log = logging.getLogger(__name__)

_RECREATED = "%s[%d] was read up to %d, ends at %d, and %s: the source was recreated; reading it from its beginning"


class OutputHistory:
    """Whether a stage has written before, looked up when it is first asked.

    Call `look_at_ends` before `Transactor.finish_markers` writes a marker to each partition: outputs that all end at 0
    need not be read. Records count, not offsets: a lane that was opened and lost at once has left markers only.
    The topics that the stage reads do not count, for others write them too.
    """

    def __init__(
        self, outputs: Collection[TopicPartition], read: Collection[TopicPartition], options: BatchingOptions
    ) -> None:
        topics = {source.topic for source in read}
        self._outputs = [tp for tp in outputs if tp.topic not in topics]
        self._options = options
        self._is_empty = False
        self._answer: asyncio.Task[bool] | None = None

    async def look_at_ends(self, end_offset: Callable[[TopicPartition], Awaitable[int]]) -> None:
        """Note whether all outputs end at 0, as on a first start."""
        self._is_empty = not any(await asyncio.gather(*map(end_offset, self._outputs)))

    async def has_written(self) -> bool:
        """Whether there is, or was, a committed record in an output. Read once for all who ask."""
        if self._is_empty:
            return False
        if self._answer is None:
            self._answer = asyncio.create_task(has_records(self._options.reader, self._outputs))
        return await asyncio.shield(self._answer)


@dataclass(frozen=True)
class Reconciliation:
    """Finds the start of each source of a lane, once every earlier owner is fenced."""

    sources: Sources
    notes: Notes
    has_written: Callable[[], Awaitable[bool]]
    #: Seconds before the group is asked a second time: the wrong answers seen lasted two.
    pause_s: float
    #: Called with a recreated source: commit that nothing of it is read, before it grows past the old note.
    recreated: Callable[[TopicPartition], Awaitable[None]]

    async def start_of(self, source: TopicPartition) -> Start:
        """Where reading a source starts. Raises PositionUnknown, and what aiokafka raises for one that is gone."""
        known = await self._look_up(source, is_second_answer=False)
        while True:
            rule = decide(known)
            if rule.verdict is Verdict.LOOK_FOR_OUTPUT:
                known = replace(known, has_written=await self.has_written())
            elif rule.verdict is Verdict.ASK_AGAIN:
                await asyncio.sleep(self.pause_s)
                known = await self._look_up(source, is_second_answer=True)
            else:
                break
        if rule.verdict is Verdict.RECREATED:
            log.error(_RECREATED, *source, known.noted, known.end, _group_says(known.group))
            await self.recreated(source)
        elif rule.verdict is Verdict.NOTE:
            log.info("%s[%d] is read up to %d by its note; %s", *source, known.noted, _group_says(known.group))
        return start_at(rule.verdict, known)

    async def _look_up(self, source: TopicPartition, is_second_answer: bool) -> Known:
        group = await self.sources.committed(source)
        if group is not None and group.offset < 0:
            group = None
        end = await self.sources.end_offset(source)
        return Known(group, self.notes.get(source), end, is_second_answer=is_second_answer)


def _group_says(group: OffsetAndMetadata | None) -> str:
    return "the group has no offset" if group is None else f"the group's offset is {group.offset}"
