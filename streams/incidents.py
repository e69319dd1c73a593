"""The incidents of one regency: the latest revision of each, and the sums that windows and pressure need.

Exact and cheap: whole numbers only, so that taking an incident out is the exact inverse of putting it in, and the cost
of one event does not grow with how many are held. Three heaps hold the incidents of the last hour, of the hours 1-6
and 6-24; as time passes each incident moves from one to the next, three moves in all. Entries of replaced incidents
are skipped when they surface.

Time moves here only by `pass_to`, on the evaluation grid; `windows_at` gives counts exact to the millisecond in
between.
"""

from heapq import heappop, heappush
from typing import NamedTuple

from streams.rules import GRAVE, GROUPS, SCORED, SERIOUS, WINDOWS_MS, Kind, Rules

_G = len(GROUPS)
MANY = "*"  # stands for "more than one source spoke of it"; no source can be called so
_AGES = 3
_UNKNOWN = -1


class Record(NamedTuple):
    """The latest revision of an incident; `serial` is 0 while it counts nowhere."""

    revision: int
    kind: Kind
    status: str
    occurred_ms: int
    source: str
    touched_ms: int
    spoken: str  # the only source that spoke of it, or MANY
    serial: int


class Incidents:
    """All incidents of one regency and their running sums."""

    __slots__ = (
        "rules", "records", "edges", "landmark", "totals", "by_source", "counts", "weights", "grave", "serious",
        "confirmed", "tops", "news", "vouched", "_heaps", "_serial",
    )  # fmt: skip

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.records: dict[str, Record] = {}
        self.edges = [0, 0, 0]  # an incident counts in a window when it occurred after the window's edge
        self.landmark = 0
        self.totals = [0] * SCORED  # grown milli-weights, see streams/decay.py
        self.by_source: list[dict[str, int]] = [{} for _ in range(SCORED)]
        self.counts = [0] * (_AGES * _G)  # by age class and group
        self.weights = [0] * _AGES  # milli-weights by age class
        self.grave: list[dict[tuple[int, str], int]] = [
            {} for _ in range(SCORED)
        ]  # (severity, source) of the last hour
        self.serious: list[dict[str, int]] = [
            {} for _ in range(SCORED)
        ]  # source -> incidents of severity 3+, last hour
        self.confirmed = [0] * SCORED  # incidents of severity 3+ of the last hour that two sources spoke of
        self.tops = [0] * SCORED  # the loudest source's share of `totals`; UNKNOWN after something was taken out
        self.vouched = 0  # counted incidents that are verified or resolved
        self.news = False  # a source or a grave incident counts that did not before: who confirms may have changed
        self._heaps: tuple[list, list, list] = ([], [], [])
        self._serial = 0

    def put(self, incident_id: str, record: Record) -> None:
        """Hold the newest revision; the caller has taken out the one before.

        Counts it when it is live and young enough.
        """
        if record.status == "retracted":
            self.records[incident_id] = record
            return
        occurred = record.occurred_ms
        edges = self.edges
        age = 0 if occurred > edges[0] else 1 if occurred > edges[1] else 2 if occurred > edges[2] else -1
        if age < 0:
            self.records[incident_id] = record
            return
        self._serial = serial = self._serial + 1
        revision, kind, status, _, source, touched, spoken, _ = record
        self.records[incident_id] = Record(revision, kind, status, occurred, source, touched, spoken, serial)
        heappush(self._heaps[age], (occurred, serial, incident_id))
        group = kind.group
        self.counts[age * _G + group] += 1
        self.weights[age] += kind.window_milli
        if status != "reported":
            self.vouched += 1
        pressure = kind.pressure_milli[status]
        if pressure:
            grown = pressure * self.rules.decay.growth(occurred, self.landmark)
            self.totals[group] += grown
            sources = self.by_source[group]
            held = sources.get(source)
            if held is None:
                self.news = True
                held = 0
            sources[source] = held = held + grown
            if held > self.tops[group] >= 0:
                self.tops[group] = held
            if kind.severity >= SERIOUS and age == 0:
                self._note_serious(record, 1)

    def take(self, incident_id: str) -> None:
        """Undo `put` of the record held under this id; the record itself stays until it is replaced."""
        record = self.records[incident_id]
        if record.serial:
            self._discount(record, self._age(record.occurred_ms))

    def pass_to(self, now_ms: int) -> None:
        """Let time pass to an evaluation time: move incidents to older classes and out, then move the landmark."""
        edges = [now_ms - window for window in WINDOWS_MS]
        for age in range(_AGES):
            heap, edge = self._heaps[age], edges[age]
            while heap and heap[0][0] <= edge:
                _, serial, incident_id = heappop(heap)
                record = self.records.get(incident_id)
                if record is not None and record.serial == serial:
                    self._grow_older(incident_id, record, age)
        self.edges = edges
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
            gone, lost = self._behind(age, clock_ms - window)
            windows.append((count - gone, weight - lost))
        return windows

    def loudest(self, group: int) -> int:
        """The largest share of the group's total that one source holds."""
        if self.tops[group] < 0:
            self.tops[group] = max(self.by_source[group].values(), default=0)
        return self.tops[group]

    def ages(self, age: int) -> list[int]:
        """Counts by group of one age class: 0 the last hour, 1 hours 1 to 6, 2 hours 6 to 24."""
        return self.counts[age * _G : age * _G + _G]

    def live(self) -> list[tuple[str, Record]]:
        """Incidents counted in the longest window, in no particular order."""
        records = self.records
        found = []
        for heap in self._heaps:
            for _, serial, incident_id in heap:
                record = records.get(incident_id)
                if record is not None and record.serial == serial:
                    found.append((incident_id, record))
        return found

    def _age(self, occurred: int) -> int:
        edges = self.edges
        return 0 if occurred > edges[0] else 1 if occurred > edges[1] else 2

    def _behind(self, age: int, edge: int) -> tuple[int, int]:
        """Incidents of an age class at or before `edge`: a walk over the top of its heap, no further than needed."""
        heap, count, weight = self._heaps[age], 0, 0
        pending = [0]
        while pending:
            index = pending.pop()
            if index >= len(heap) or heap[index][0] > edge:
                continue
            record = self.records.get(heap[index][2])
            if record is not None and record.serial == heap[index][1]:
                count += 1
                weight += record.kind.window_milli
            pending += (2 * index + 1, 2 * index + 2)
        return count, weight

    def _grow_older(self, incident_id: str, record: Record, age: int) -> None:
        kind = record.kind
        is_serious = kind.severity >= SERIOUS and kind.pressure_milli[record.status]
        if age == 2:
            self._discount(record, 2)
            self.records[incident_id] = record._replace(serial=0)
            return
        self.counts[age * _G + kind.group] -= 1
        self.weights[age] -= kind.window_milli
        self.counts[age * _G + _G + kind.group] += 1
        self.weights[age + 1] += kind.window_milli
        heappush(self._heaps[age + 1], (record.occurred_ms, record.serial, incident_id))
        if is_serious and age == 0:
            self._note_serious(record, -1)

    def _discount(self, record: Record, age: int) -> None:
        kind, group = record.kind, record.kind.group
        self.counts[age * _G + group] -= 1
        self.weights[age] -= kind.window_milli
        self.vouched -= record.status != "reported"
        pressure = kind.pressure_milli[record.status]
        if pressure:
            grown = pressure * self.rules.decay.growth(record.occurred_ms, self.landmark)
            self.totals[group] -= grown
            _subtract(self.by_source[group], record.source, grown)
            self.tops[group] = _UNKNOWN
            self.news = True
            if kind.severity >= SERIOUS and age == 0:
                self._note_serious(record, -1)

    def _note_serious(self, record: Record, sign: int) -> None:
        kind, group = record.kind, record.kind.group
        serious, grave, grave_key = self.serious[group], self.grave[group], (kind.severity, record.source)
        if sign < 0 or record.source not in serious or record.spoken == MANY:
            self.news = True
        _subtract(serious, record.source, -sign)
        if record.spoken == MANY:
            self.confirmed[group] += sign
        if kind.severity >= GRAVE:
            self.news = self.news or grave_key not in grave
            _subtract(grave, grave_key, -sign)

    def _rebase(self, landmark: int) -> None:
        if self.landmark:
            shift = self.rules.decay.shift(self.landmark, landmark)
            self.totals = [total >> shift for total in self.totals]
            self.by_source = [{name: grown >> shift for name, grown in sums.items()} for sums in self.by_source]
            self.tops = [_UNKNOWN] * SCORED
        self.landmark = landmark


def _subtract(sums: dict, name, amount: int) -> None:
    left = sums.get(name, 0) - amount
    if left:
        sums[name] = left
    else:
        del sums[name]
