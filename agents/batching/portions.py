"""What part of a transaction's records and bytes a partition may hand out at a time."""

from collections import Counter
from collections.abc import Mapping

from faust.types import TP

from agents.batching.lanes import lane_of

#: The least part of a lane's transaction that a partition gets, however many share it.
_PART_LEAST = 1 / 20
#: How many transactions of a lane may be handed out at a time: one that commits, and one that is folded meanwhile.
_TRANSACTIONS = 2


def shares(lags: Mapping[TP, int], lanes: int) -> dict[TP, float]:
    """What part of a lane's transaction each partition may hand out at a time: that of its lag, in records, among all
    of the lane's.

    More than fills the transaction under way and the next would only wait in memory. By lag, so that all come to their
    end together: with the event clock what one has read waits for the others."""
    lane = {tp: (tp[0], lane_of(tp[1], lanes)) for tp in lags}
    mates, totals = Counter(lane.values()), Counter[tuple[str, int]]()
    for tp, lag in lags.items():
        totals[lane[tp]] += lag
    return {
        tp: min(
            1.0, max(_PART_LEAST, _TRANSACTIONS * (lag / totals[lane[tp]] if totals[lane[tp]] else 1 / mates[lane[tp]]))
        )
        for tp, lag in lags.items()
    }


class SlowStart:
    """Lets a partition's batches grow from a part `first` of a full one, twofold with each, so that a backlog is seen
    to move soon.
    """

    def __init__(self, first: float) -> None:
        self._first = first
        self._parts: dict[TP, float] = {}

    def part(self, tp: TP) -> float:
        """Of a full batch, what the partition's next one may be."""
        return self._parts.get(tp, self._first)

    def handed_out(self, tp: TP) -> None:
        """A batch of this partition was handed out: the next may be twice as large."""
        self._parts[tp] = min(1.0, 2 * self.part(tp))

    def begin_anew(self) -> None:
        """All partitions start small again."""
        self._parts.clear()
