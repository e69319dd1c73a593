"""The ledger as the fold takes it: frames alone, every field checked, in the order of the clock."""

from collections.abc import Iterator
from typing import Any

from agents.settings import Settings
from schemas.ledger import (
    FORMAT_HEADER,
    INPUT_HEADER,
    SPAN_HEADER,
    TICK_KEY,
    Entry,
    Frame,
    NewerFrame,
    NotAFrame,
    check_format,
)
from schemas.ledger_form import LedgerForm, OtherClock, OtherRoster, shard_names
from schemas.roster import Roster
from streams.admission import ClockMode
from streams.event_time.sequencer import Run, sequencer_of


class LedgerFrames:
    """Reads the records of one ledger partition in order. `quarantined` has a line for each that is no frame."""

    def __init__(self, settings: Settings, roster: Roster, partition: int) -> None:
        inputs, partitions = settings.load_sources().inputs, settings.partitions
        shards = shard_names(inputs, partitions) if settings.clock is ClockMode.EVENT else None
        self._form = LedgerForm(roster, partition, partitions, shards, is_strict=True)
        self._sequencer = sequencer_of(settings.clock, partitions, len(inputs))
        self._is_other_clock = self._is_this_clock = False
        self.quarantined: list[str] = []

    def entries(self, record: Any) -> list[Entry] | None:
        """The entries of a record; None when it is no frame. Raises NewerFrame for one of a later version, and
        ValueError for one that a worker with another roster wrote: whatever follows from it is not known here.
        """
        headers, where = dict(record.headers), f"ledger offset {record.partition}/{record.offset}"
        number = headers.get(FORMAT_HEADER)
        try:
            check_format(number)
            entries = self._form.entries(record.key or b"", _frame(record), headers.get(INPUT_HEADER))
        except NewerFrame as why:
            raise NewerFrame(f"{where} {why}") from None
        except NotAFrame as why:
            if number is not None and isinstance(why, OtherRoster):
                raise ValueError(f"{where}: {why}") from None
            self._is_other_clock |= isinstance(why, OtherClock)
            self.quarantined.append(f"{where} is no frame: {why}")
            return None
        self._is_this_clock |= record.key == TICK_KEY
        return entries

    def runs(self, record: Any, entries: list[Entry]) -> Iterator[Run]:
        """What the fold is given when it has read this record: (ledger offset, key, entries)."""
        if self._sequencer is None:
            yield record.offset, record.key, entries
        else:
            yield from self._sequencer.take(record.key, _frame(record))

    def close(self) -> None:
        """After the last record. Raises ValueError when all that tells the time there is of the other clock."""
        if self._is_other_clock and not self._is_this_clock:
            raise ValueError(f"it is in {'event' if self._sequencer is None else 'wall'} time")


def _frame(record: Any) -> Frame:
    return Frame(record.offset, record.value or b"", record.timestamp, dict(record.headers).get(SPAN_HEADER))
