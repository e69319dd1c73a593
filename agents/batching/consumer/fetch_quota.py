"""How much of a transaction's records and bytes one partition may bring at a time."""

from collections import Counter
from collections.abc import Mapping

from faust.types import TP

#: The least part of a transaction that a partition gets, however many share it.
_PART_LEAST = 1 / 20
#: How many transactions of a topic's partitions may be handed out at a time: one that commits, and one that is folded
#: meanwhile.
_TRANSACTIONS = 2


def shares(lags: Mapping[TP, int]) -> dict[TP, float]:
    """What part of a full transaction each partition may bring at a time, from 0 to 1. One half of it goes to a topic's
    partitions with a backlog in equal parts, the other by what part of the topic's backlog theirs is, in records.

    Records beyond the transaction under way and the next would only wait in memory. By the backlog, so that all
    partitions reach their ends together: a fold that orders records over partitions keeps those of one in memory until
    the others have caught up. In equal parts, so that a partition that is flooded leaves others room for as much as
    they usually bring.
    """
    sizes, busy, totals = Counter(tp[0] for tp in lags), Counter[str](), Counter[str]()
    for tp, lag in lags.items():
        totals[tp[0]] += lag
        busy[tp[0]] += lag > 0
    return {tp: _bounded(lag, totals[tp[0]], busy[tp[0]] or sizes[tp[0]]) for tp, lag in lags.items()}


def _bounded(lag: int, topic_lag: int, sharing: int) -> float:
    equal = 1 / sharing
    part = (equal + lag / topic_lag) / 2 if topic_lag else equal
    return min(1.0, max(_PART_LEAST, _TRANSACTIONS * part))


class SlowStart:
    """Doubles a partition's batches from a part `first` of a full one, so that the first outputs of a backlog are
    committed soon.
    """

    def __init__(self, first: float) -> None:
        self._first = first
        self._parts: dict[TP, float] = {}

    def part(self, tp: TP) -> float:
        """What part of a full batch the partition's next one may be."""
        return self._parts.get(tp, self._first)

    def handed_out(self, tp: TP) -> None:
        """A batch of this partition was handed out: the next may be twice as large."""
        self._parts[tp] = min(1.0, 2 * self.part(tp))

    def reset(self) -> None:
        """Start all partitions small again."""
        self._parts.clear()
