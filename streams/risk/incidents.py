"""The incidents of one regency: the latest revision of each, and the sums that windows and pressure need.

Exact and cheap: whole numbers only, so that taking an incident out is the exact inverse of putting it in, and the cost
of one event does not grow with how many are held. Incidents lie in buckets as wide as the evaluation step, which
divides every window: as time passes, whole buckets move from the class of the last hour to the hours 1-6, to 6-24, and
out. Entries of replaced incidents stay in their bucket and are skipped.

Time moves here only by `pass_to`, on the evaluation grid; `windows_at` gives counts exact to the millisecond in
between.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import takewhile
from operator import attrgetter, itemgetter
from typing import NamedTuple

from schemas.vocabulary import GROUPS, HOUR_MS
from streams.risk.evidence import Place
from streams.rules import SCORED, SERIOUS, WINDOWS_MS, Kind, Rules

_G = len(GROUPS)
MANY = "*"  # stands for "more than one source spoke of it"; no source can be called so
_AGES = 3
#: Names that are held once; publishers could tell of any number of sources.
_NAMES_MOST = 1_000


class Record(NamedTuple):
    """The latest revision of an incident. `segment` is where it lies in the state; `was_counted`: it lies in a bucket,
    too.
    """

    incident_id: str
    revision: int
    kind: Kind
    status: str
    occurred_ms: int
    source: str
    segment: int
    spoken: str  # the only source that spoke of it, or MANY
    was_counted: bool
    grave_ms: int  # the regency's clock when it was first told to be as grave; 0 when it is not


_KIND, _GROUP, _WEIGHT = itemgetter(Record._fields.index("kind")), attrgetter("group"), attrgetter("window_milli")
#: What a Record is made with, from a tuple of its fields: its own constructor is a Python function, one more for each
#: event.
new_record = partial(tuple.__new__, Record)


class Incidents:
    """All incidents of one regency and their running sums."""

    __slots__ = (
        "rules", "place", "records", "edges", "landmark", "totals", "by_source", "counts", "weights", "urgent", "serious",
        "confirmed", "news", "vouched", "_buckets", "names", "_replaced", "_is_urgent_sorted", "is_hasty",
        "_step_ms", "_offset_ms", "_growth",
    )  # fmt: skip

    def __init__(self, rules: Rules, place: Place) -> None:
        self.rules = rules
        self.place = place
        self._step_ms, self._offset_ms, self._growth = rules.step_ms, rules.offset_ms, rules.decay.growth
        self.records: dict[str, Record] = {}
        self.edges = [0, 0, 0]  # an incident counts in a window when it occurred after the window's edge
        self.landmark = 0
        self.totals = [0] * SCORED  # evidence, grown millionths of a digit, see streams/risk/decay.py
        self.by_source: list[dict[str, int]] = [{} for _ in range(SCORED)]
        self.counts = [0] * (_AGES * _G)  # by age class and group
        self.weights = [0] * _AGES  # milli-weights by age class
        self.urgent: dict[
            str, int
        ] = {}  # grave incidents first told of in the last hour, and when, however late that was
        self._is_urgent_sorted = True
        self.is_hasty = rules.rolling_milli is None  # a rolling sum knows no grave incident that raises at once
        self.serious: list[dict[str, int]] = [
            {} for _ in range(SCORED)
        ]  # source -> incidents of severity 3+, last hour
        self.confirmed = [0] * SCORED  # incidents of severity 3+ of the last hour that two sources spoke of
        self.vouched = 0  # counted incidents that are verified or resolved
        self.news = False  # a source or a grave incident counts that did not before: who confirms may have changed
        self._buckets: dict[int, list[Record]] = {}  # by the bucket's last step; those since replaced are held no more
        self._replaced: set[int] = set()  # buckets with any of these
        self.names: dict[str, str] = {}  # of sources and statuses, one object each instead of one for each incident

    def put(
        self,
        incident_id: str,
        revision: int,
        kind: Kind,
        status: str,
        occurred: int,
        source: str,
        segment: int,
        spoken: str,
        grave_ms: int,
    ) -> None:
        """Hold the newest revision, and count it if it is live and young enough. The caller took out the one before."""
        edges = self.edges
        age = 0 if occurred > edges[0] else _age(occurred, edges)
        counts = age < _AGES and status != "retracted"
        names = self.names
        try:
            source, spoken, status = names[source], names[spoken], names[status]
        except KeyError:
            source, spoken, status = (names.setdefault(name, name) for name in (source, spoken, status))
        record = new_record((incident_id, revision, kind, status, occurred, source, segment, spoken, counts, grave_ms))
        self.records[incident_id] = record
        if not counts:
            return
        self.bucket(occurred)[0].append(record)
        group = kind.group
        self.counts[age * _G + group] += 1
        self.weights[age] += kind.window_milli
        if status != "reported":
            self.vouched += 1
        if milli := kind.pressure_milli[status]:
            grown = self.grown_of(kind, milli, occurred)
            self.totals[group] += grown
            sources = self.by_source[group]
            voice = source if spoken != MANY else MANY
            held = sources.get(voice)
            if held is None:
                self.news = True
                held = 0
            sources[voice] = held + grown
            if self.is_hasty:
                if kind.severity >= SERIOUS and age == 0:
                    self._note_serious(record, 1)
                if grave_ms > edges[0]:
                    self._hasten(incident_id, grave_ms)

    def bucket(self, occurred: int) -> tuple[list[Record], int, int]:
        """Where an incident lies that occurred then and counts; after and until when all in there occurred."""
        step_ms = self._step_ms
        number = -(-occurred // step_ms)
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = []
        return bucket, (number - 1) * step_ms, number * step_ms

    def take(self, incident_id: str) -> None:
        """Undo `put` of the record held under this id; the record itself stays until it is replaced."""
        record = self.records[incident_id]
        if self.is_counted(record):
            self._replaced.add(-(-record.occurred_ms // self.rules.step_ms))
            self._discount(record, _age(record.occurred_ms, self.edges))
        self.urgent.pop(incident_id, None)

    def is_counted(self, record: Record) -> bool:
        """Whether a record that is held counts in a window."""
        return record.was_counted and record.occurred_ms > self.edges[2]

    def pass_to(self, now_ms: int) -> None:
        """Let time pass to an evaluation time: move incidents to older classes and out, then move the landmark."""
        edges = [now_ms - window for window in WINDOWS_MS]
        passed: set[int] = set()
        for old_edge, edge in zip(self.edges, edges, strict=True):
            passed.update(self._passed(old_edge, edge))
        for number in passed:
            occurred_at_most = number * self.rules.step_ms  # whole buckets pass: edges lie between them
            old, new = _age(occurred_at_most, self.edges), _age(occurred_at_most, edges)
            if new < _AGES:
                self._grow_older(number, old, new)
            else:
                self._let_go(number, old)
        self.edges = edges
        if len(self.names) > _NAMES_MOST:
            self.names = {}
        self._calm_down(edges[0])
        landmark = self.rules.decay.landmark(now_ms)
        if landmark != self.landmark:
            self._rebase(landmark)

    def windows_at(self, clock_ms: int) -> list[tuple[int, int]]:
        """(incidents, milli-weight) of each window at exactly this time, not before the last `pass_to`."""
        count = weight = 0
        windows = []
        for age, window in enumerate(WINDOWS_MS):
            count += sum(self.counts[age * _G : age * _G + _G])
            weight += self.weights[age]
            gone, lost = self._behind(clock_ms - window)
            windows.append((count - gone, weight - lost))
        return windows

    def ages(self, age: int) -> list[int]:
        """Counts by group of one age class: 0 the last hour, 1 hours 1 to 6, 2 hours 6 to 24."""
        return self.counts[age * _G : age * _G + _G]

    def grave(self, group: int) -> list[Record]:
        """Incidents of a group that raise at once: grave, live, not a day old, and first told of in the last hour."""
        found = (self.records[incident_id] for incident_id in self.urgent)
        return [record for record in found if record.kind.group == group and self.is_counted(record)]

    def recent(self) -> int:
        """Counted incidents of the last six hours that can score."""
        counts = self.counts
        return sum(counts[:SCORED]) + sum(counts[_G : _G + SCORED])

    def sources(self) -> int:
        """How many stand behind what counts, at the least: of an incident that many spoke of only that is known."""
        names = set().union(*self.by_source)
        return max(2, len(names) - 1) if MANY in names else len(names)

    def newest_first(self) -> Iterator[tuple[int, list[Record]]]:
        """(a time, incidents counted in the longest window that occurred until then and after the next time yielded)."""
        for number in sorted(self._buckets, reverse=True):
            yield number * self.rules.step_ms, self._valid(number)

    def grown_most(self, until_ms: int) -> int:
        """More than this no record that occurred until then can add; see `grown`."""
        return self.place.most * self.rules.pressure_most * self.rules.decay.growth(until_ms, self.landmark)

    def grown(self, record: Record) -> int:
        """What a counted record adds to its group's total: its evidence at the hour it occurred, in grown millionths of
        a digit.
        """
        return self.grown_of(record.kind, record.kind.pressure_milli[record.status], record.occurred_ms)

    def grown_of(self, kind: Kind, milli: int, occurred: int) -> int:
        """`grown` of an incident that counts by `milli` thousandths of its kind's evidence."""
        hour = (occurred + self._offset_ms) // HOUR_MS % 24
        return self.place.milli[kind.number * 24 + hour] * milli * self._growth(occurred, self.landmark)

    def _passed(self, old_edge: int, edge: int) -> list[int]:
        """Buckets, oldest first, that a boundary passes on its way. Edges are multiples of the step."""
        first, last = old_edge // self.rules.step_ms + 1, edge // self.rules.step_ms
        if last - first > len(self._buckets):
            return sorted(number for number in self._buckets if first <= number <= last)
        return [number for number in range(first, last + 1) if number in self._buckets]

    def _valid(self, number: int) -> list[Record]:
        records = self.records
        bucket = self._buckets.get(number, [])
        return (
            [record for record in bucket if records.get(record.incident_id) is record]
            if number in self._replaced
            else bucket
        )

    def _behind(self, edge: int) -> tuple[int, int]:
        """Incidents and weight at or before `edge` that the grid's edge, less than a step earlier, has not passed."""
        gone = [record for record in self._valid(edge // self.rules.step_ms + 1) if record.occurred_ms <= edge]
        return len(gone), sum(record.kind.window_milli for record in gone)

    def _grow_older(self, number: int, old: int, new: int) -> None:
        """Move a bucket's incidents to an older class."""
        counts, records = self.counts, self._valid(number)
        kinds = list(map(_KIND, records))
        for group, count in Counter(map(_GROUP, kinds)).items():
            counts[old * _G + group] -= count
            counts[new * _G + group] += count
        weight = sum(map(_WEIGHT, kinds))
        self.weights[old] -= weight
        self.weights[new] += weight
        if self.is_hasty and old == 0:
            for record in records:
                if record.kind.severity >= SERIOUS and record.kind.pressure_milli[record.status]:
                    self._note_serious(record, -1)

    def _let_go(self, number: int, age: int) -> None:
        """Take a bucket's incidents out."""
        for record in self._valid(number):
            self._discount(record, age)
        del self._buckets[number]
        self._replaced.discard(number)

    def _hasten(self, incident_id: str, grave_ms: int) -> None:
        urgent = self.urgent
        if urgent and grave_ms < next(reversed(urgent.values())):
            self._is_urgent_sorted = False  # a revision of what was told earlier
        urgent[incident_id] = grave_ms
        self.news = True

    def _calm_down(self, edge_ms: int) -> None:
        """Forget that incidents told of until then are urgent."""
        urgent = self.urgent
        if not self._is_urgent_sorted:
            self.urgent = urgent = dict(sorted(urgent.items(), key=itemgetter(1)))
            self._is_urgent_sorted = True
        for name in list(takewhile(lambda name: urgent[name] <= edge_ms, urgent)):
            del urgent[name]

    def _discount(self, record: Record, age: int) -> None:
        kind, group = record.kind, record.kind.group
        self.counts[age * _G + group] -= 1
        self.weights[age] -= kind.window_milli
        self.vouched -= record.status != "reported"
        if kind.pressure_milli[record.status]:
            grown = self.grown(record)
            self.totals[group] -= grown
            _subtract(self.by_source[group], record.source if record.spoken != MANY else MANY, grown)
            self.news = True
            if self.is_hasty and kind.severity >= SERIOUS and age == 0:
                self._note_serious(record, -1)

    def _note_serious(self, record: Record, sign: int) -> None:
        group = record.kind.group
        serious = self.serious[group]
        if sign < 0 or record.source not in serious or record.spoken == MANY:
            self.news = True
        _subtract(serious, record.source, -sign)
        if record.spoken == MANY:
            self.confirmed[group] += sign

    def _rebase(self, landmark: int) -> None:
        if self.landmark:
            shift = self.rules.decay.shift(self.landmark, landmark)
            self.totals = [total >> shift for total in self.totals]
            self.by_source = [{name: grown >> shift for name, grown in sums.items()} for sums in self.by_source]
        self.landmark = landmark


def _age(occurred: int, edges: list[int]) -> int:
    """Age class: 0 the last hour, 1 hours 1 to 6, 2 hours 6 to 24, _AGES when it is out."""
    return 0 if occurred > edges[0] else 1 if occurred > edges[1] else 2 if occurred > edges[2] else _AGES


def _subtract(sums: dict, name, amount: int) -> None:
    left = sums.get(name, 0) - amount
    if left:
        sums[name] = left
    else:
        del sums[name]
