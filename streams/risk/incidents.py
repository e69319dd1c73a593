"""The incidents of one regency: the record of each, and the sums that windows and score need.

Exact and cheap: all sums are whole numbers, so removing an incident is the exact inverse of counting it, and the cost
of one report does not grow with how many are held. Incidents lie in buckets as wide as the evaluation step, which
divides every window: as time passes, whole buckets move from the age class of the last hour to hours 1 to 6, to hours 6
to 24, and out. Records that a later one replaced stay in their bucket and are skipped.

`hold` is the only place that counts: for a run of new reports, for one revision and for a restore. Time moves only by
`advance`, on the evaluation grid; `windows_at` is exact to the millisecond in between.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter, itemgetter

from schemas.vocabulary import GROUPS, HOUR_MS
from streams.risk.candidates import Candidates, place_of
from streams.risk.evidence import MILLI, Kind, category_of
from streams.risk.history import History
from streams.risk.record import UNCOUNTED, Record, Report, new_record, words_of
from streams.risk.room import Holdings
from streams.risk.urgent import Urgent
from streams.risk.words import GRAVE, MANY
from streams.rules import SCORED, WINDOWS_MS, Rules

_G = len(GROUPS)
_AGES = 3
#: Distinct source names kept as one object each; publishers may send any number of them.
_NAMES_MOST = 1_000

_KIND, _GROUP, _WEIGHT = itemgetter(Record._fields.index("kind")), attrgetter("group"), attrgetter("window_milli")


class Incidents:
    """All incidents of one regency and their running sums.

    Others read the attributes; only the methods change them. Lists and dicts of sums are changed in place, so that
    `hold` and its caller may keep a reference to them. Evidence is in millionths of a digit, scaled by the growth since
    the landmark (streams/risk/decay.py).
    """

    __slots__ = (
        "rules", "stations", "weighing", "records", "edges", "landmark", "totals", "by_agency", "counts", "weights",
        "urgent", "candidates", "history", "words", "verified", "is_confirmation_changed", "names", "_buckets",
        "_replaced", "_masses", "_is_rolling", "_step_ms", "_offset_ms", "_growth",
    )  # fmt: skip

    def __init__(self, rules: Rules, stations: int) -> None:
        self.rules = rules
        self.stations = stations
        self.weighing = rules.weighing(stations)
        self.records: dict[str, Record] = {}
        self.edges = [0, 0, 0]  # an incident counts in a window when it occurred after the window's edge
        self.landmark = 0
        self.totals = [0] * SCORED  # evidence by group
        self.by_agency: list[dict[str, int]] = [{} for _ in range(SCORED)]  # evidence by group and sole agency
        self.counts = [0] * (_AGES * _G)  # incidents by age class and group
        self.weights = [0] * _AGES  # milli-weights by age class
        self.urgent = Urgent()
        self.history = History(SCORED)
        self.words = Holdings(rules.word_room(stations))
        self.candidates = Candidates(rules, self._rank)  # among the counted
        self.verified = 0  # counted incidents that are verified or resolved
        #: An agency or a grave incident began or ceased to count, so more or less may be confirmed than before.
        self.is_confirmation_changed = False
        self._buckets: dict[int, list[Record]] = {}  # by the bucket's last step
        self._replaced: set[int] = set()  # buckets that hold replaced records
        #: What of the evidence does not depend on the pace, by `kind.number * 24 + hour` and sole agency.
        self._masses: dict[int, dict[str, int]] = {}
        self.names: dict[str, str] = {}  # see `intern`
        self._is_rolling = rules.rolling_milli is not None  # a rolling sum has no incident that raises at once
        self._step_ms, self._offset_ms, self._growth = rules.step_ms, rules.offset_ms, rules.decay.growth

    def hold(self, reports: Iterable[Report]) -> None:
        """Hold each report as its incident's record, and count it if a word on it stands and it is young enough.

        The caller released the record before. Each report is counted before the next is taken, so a generator may
        read the sums after each and end the run. Bindings are local because this loop runs once for every event.
        """
        records, edges, hour_ms, step_ms = self.records, self.edges, self.edges[0], self._step_ms
        counts, weights, totals, by_agency = self.counts, self.weights, self.totals, self.by_agency
        buckets, is_rolling, double_milli = self._buckets, self._is_rolling, self.rules.joining_milli
        placed, growth, landmark, offset_ms = self.weighing.milli, self._growth, self.landmark, self._offset_ms
        bucket: list[Record] = []
        (reported, begins_ms, ends_ms), masses = self.history.current, self._masses
        after_ms = until_ms = 0  # a record that occurred in between lies in the same bucket as the one before
        for report in reports:
            incident, _, kind, status, occurred, _, _, sole_agency, since_ms, _, place, _, _ = report
            record = records[incident] = new_record(report)
            age = 0 if occurred > hour_ms else _age(occurred, edges)
            if age == _AGES or status in UNCOUNTED:
                continue
            if not after_ms < occurred <= until_ms:
                number = -(-occurred // step_ms)
                bucket = buckets.setdefault(number, [])
                after_ms, until_ms = (number - 1) * step_ms, number * step_ms
            bucket.append(record)
            group = kind.group
            counts[age * _G + group] += 1
            weights[age] += kind.window_milli
            if status != "reported":
                self.verified += 1
            is_double = place is not None and self._pair(record, place)
            if not (milli := kind.pressure_milli[status]):
                continue
            if is_double:
                milli = milli * double_milli // MILLI
            hour = (occurred + offset_ms) // HOUR_MS % 24  # as `_cell`, without a call for every event
            cell, mass = kind.number * 24 + hour, milli * growth(occurred, landmark)
            evidence = placed[cell] * mass
            totals[group] += evidence
            try:
                masses[cell][sole_agency] += mass
            except KeyError:
                masses.setdefault(cell, {})[sole_agency] = mass
            agencies = by_agency[group]
            if sole_agency in agencies:
                agencies[sole_agency] += evidence
            else:
                agencies[sole_agency] = evidence
                self.is_confirmation_changed = True
            if not begins_ms <= since_ms < ends_ms:
                reported, begins_ms, ends_ms = self.history.hour(since_ms)
            if sole_agency not in reported:
                reported[sole_agency] = self.history.row()
            reported[sole_agency][group] += 1
            if kind.severity >= GRAVE and since_ms > hour_ms and not is_rolling:
                self.is_confirmation_changed |= self.urgent.note(incident, since_ms, group, kind.severity, sole_agency)

    def release(self, incident: str) -> None:
        """Undo `hold` of the record held under this key; the record itself stays until it is replaced."""
        record = self.records[incident]
        if self.is_counted(record):
            self._replaced.add(-(-record.occurred_ms // self._step_ms))
            self._discount(record, _age(record.occurred_ms, self.edges))

    def forget(self, incidents: Iterable[str]) -> None:
        """Drop records that do not count, with all words on them."""
        for incident in incidents:
            record = self.records.pop(incident)
            if not record.joined_to:
                for word in words_of(record):
                    self.words.give(word.agency)

    def remove(self, incidents: Iterable[str]) -> None:
        """Take these out as if nobody had ever reported them."""
        for incident in incidents:
            self.release(incident)
            del self.records[incident]

    def drop_replaced(self) -> None:
        """Let go of all records that later ones replaced, or that are gone, before their bucket is."""
        for number in self._replaced:
            if valid := self._valid(number):
                self._buckets[number] = valid
            else:
                del self._buckets[number]
        self._replaced.clear()

    def intern(self, *names: str) -> tuple[str, ...]:
        """Sources, agencies and statuses, one object each instead of one for each incident."""
        return tuple([self.names.setdefault(name, name) for name in names])

    def take_confirmation_change(self) -> bool:
        """Whether `is_confirmation_changed` since the last call."""
        is_changed, self.is_confirmation_changed = self.is_confirmation_changed, False
        return is_changed

    def is_counted(self, record: Record) -> bool:
        """Whether a record that is held counts in a window."""
        return record.status not in UNCOUNTED and record.occurred_ms > self.edges[2]

    def advance(self, now_ms: int) -> None:
        """Let time pass to an evaluation time: move incidents to older classes and out, then move the landmark."""
        edges = [now_ms - window for window in WINDOWS_MS]
        passed: set[int] = set()
        for old_edge, edge in zip(self.edges, edges, strict=True):
            passed.update(self._passed(old_edge, edge))
        for number in passed:
            occurred_at_most = number * self._step_ms  # whole buckets pass: edges lie between them
            old, new = _age(occurred_at_most, self.edges), _age(occurred_at_most, edges)
            if new < _AGES:
                self._move_bucket(number, old, new)
            else:
                self._remove_bucket(number, old)
        self.edges = edges
        if len(self.names) > _NAMES_MOST:
            self.names.clear()
        self.urgent.forget(edges[0])
        self.history.advance(now_ms)
        landmark = self.rules.decay.landmark(now_ms)
        if landmark != self.landmark:
            self._rebase(landmark)

    def weigh(self, steps: Sequence[int]) -> None:
        """Weigh all that counts at these paces (`Weighing.set_steps`)."""
        if not self.weighing.set_steps(steps):
            return
        self.totals[:] = [0] * SCORED
        for agencies in self.by_agency:
            agencies.clear()
        for cell, masses in self._masses.items():
            group, digits = self.rules.category_groups[category_of(cell)], self.weighing.milli[cell]
            for agency, mass in masses.items():
                self.totals[group] += digits * mass
                self.by_agency[group][agency] = self.by_agency[group].get(agency, 0) + digits * mass

    def masses(self) -> Iterator[tuple[str, str, int]]:
        """(category, sole agency, thousandths of incidents scaled like evidence) of what counts."""
        for cell, masses in self._masses.items():
            for agency, mass in masses.items():
                yield self.rules.categories[category_of(cell)], agency, mass

    def windows_at(self, clock_ms: int) -> list[tuple[int, int]]:
        """(incidents, milli-weight) of each window at exactly this time, not before the last `advance`."""
        count = weight = 0
        windows = []
        for age, window in enumerate(WINDOWS_MS):
            count += sum(self.counts_of_age(age))
            weight += self.weights[age]
            gone, lost = self._behind(clock_ms - window)
            windows.append((count - gone, weight - lost))
        return windows

    def counts_of_age(self, age: int) -> list[int]:
        """Counts by group of one age class: 0 the last hour, 1 hours 1 to 6, 2 hours 6 to 24."""
        return self.counts[age * _G : age * _G + _G]

    def recent(self) -> int:
        """Counted incidents of the last six hours that can score."""
        counts = self.counts
        return sum(counts[:SCORED]) + sum(counts[_G : _G + SCORED])

    def agencies(self) -> int:
        """How many agencies reported what counts, at the least: of MANY agencies the names are not known."""
        names = set().union(*self.by_agency)
        return max(2, len(names) - 1) if MANY in names else len(names)

    def sole_agency(self) -> str:
        """The only agency that reported what counts; "" when there are several, or nothing counts."""
        names = set().union(*self.by_agency)
        return next(iter(names)) if len(names) == 1 and MANY not in names else ""

    def newest_first(self) -> Iterator[tuple[int, list[Record]]]:
        """(a time, counted incidents that occurred until then and after the next time yielded), the newest first."""
        for number in sorted(self._buckets, reverse=True):
            yield number * self._step_ms, self._valid(number)

    def evidence(self, record: Record) -> int:
        """What a counted record adds to its group's total: its evidence at the hour at which it occurred."""
        return self.evidence_of(record.kind, self._milli(record), record.occurred_ms)

    def evidence_of(self, kind: Kind, milli: int, occurred_ms: int) -> int:
        """`evidence` of an incident that counts by `milli` thousandths of its kind's evidence."""
        return self.weighing.milli[self._cell(kind, occurred_ms)] * milli * self._growth(occurred_ms, self.landmark)

    def evidence_most(self, until_ms: int) -> int:
        """No record that occurred until then can have more evidence than this."""
        return self.weighing.most * self.rules.pressure_most * self._growth(until_ms, self.landmark)

    def _passed(self, old_edge: int, edge: int) -> list[int]:
        """Buckets, oldest first, that a boundary passes on its way. Edges are multiples of the step."""
        first, last = old_edge // self._step_ms + 1, edge // self._step_ms
        if last - first > len(self._buckets):
            return sorted(number for number in self._buckets if first <= number <= last)
        return [number for number in range(first, last + 1) if number in self._buckets]

    def _valid(self, number: int) -> list[Record]:
        """The records of a bucket that no later one replaced."""
        records, bucket = self.records, self._buckets.get(number, [])
        if number not in self._replaced:
            return bucket
        return [record for record in bucket if records.get(record.incident) is record]

    def _behind(self, edge: int) -> tuple[int, int]:
        """Incidents and weight at or before `edge` that the grid's edge, less than a step earlier, has not passed."""
        gone = [record for record in self._valid(edge // self._step_ms + 1) if record.occurred_ms <= edge]
        return len(gone), sum(record.kind.window_milli for record in gone)

    def _move_bucket(self, number: int, old: int, new: int) -> None:
        """Move a bucket's incidents to an older class."""
        counts, records = self.counts, self._valid(number)
        kinds = list(map(_KIND, records))
        for group, count in Counter(map(_GROUP, kinds)).items():
            counts[old * _G + group] -= count
            counts[new * _G + group] += count
        weight = sum(map(_WEIGHT, kinds))
        self.weights[old] -= weight
        self.weights[new] += weight

    def _remove_bucket(self, number: int, age: int) -> None:
        """Take a bucket's incidents out of all sums."""
        for record in self._valid(number):
            self._discount(record, age)
        del self._buckets[number]
        self._replaced.discard(number)

    def _discount(self, record: Record, age: int) -> None:
        """Take one record out of all sums: the inverse of what `hold` adds."""
        kind, group = record.kind, record.kind.group
        self.counts[age * _G + group] -= 1
        self.weights[age] -= kind.window_milli
        self.verified -= record.status != "reported"
        if kind.pressure_milli[record.status]:
            self._take(record, self._milli(record))
            self.history.take_out(record.since_ms, group, record.sole_agency)
            self.urgent.drop(record.incident)
            self.is_confirmation_changed = True
        if record.place is not None:
            self._reweigh(self.candidates.remove(record, place_of(record.place)))

    def _rank(self, record: Record) -> int:
        """Evidence at the hour at which an incident occurred, at pace 1 and without decay, for comparison with
        another's: which of a pair is the double does not change with the pace.
        """
        cell = self._cell(record.kind, record.occurred_ms)
        return self.weighing.place.milli[cell] * record.kind.pressure_milli[record.status]

    def _cell(self, kind: Kind, occurred_ms: int) -> int:
        """Where the evidence of a kind stands that occurred then, by `Weighing.milli`."""
        return kind.number * 24 + (occurred_ms + self._offset_ms) // HOUR_MS % 24

    def _milli(self, record: Record) -> int:
        """By how many thousandths of its kind's evidence a counted record counts."""
        milli = record.kind.pressure_milli[record.status]
        return milli * self.rules.joining_milli // MILLI if record.incident in self.candidates.doubles else milli

    def _pair(self, record: Record, place: str) -> bool:
        """A record at a place begins to count: whether it is a double."""
        self._reweigh(self.candidates.add(record, place_of(place)))
        return record.incident in self.candidates.doubles

    def _reweigh(self, records: list[Record]) -> None:
        """These have become doubles, or are none any more."""
        for record in records:
            milli = record.kind.pressure_milli[record.status]
            if not milli:
                continue
            less = milli - milli * self.rules.joining_milli // MILLI
            self._take(record, less if record.incident in self.candidates.doubles else -less)
            self.is_confirmation_changed = True

    def _take(self, record: Record, milli: int) -> None:
        """Take so many thousandths of a record's kind out of the evidence, or put them in again."""
        kind, agency, cell = record.kind, record.sole_agency, self._cell(record.kind, record.occurred_ms)
        mass = milli * self._growth(record.occurred_ms, self.landmark)
        self.totals[kind.group] -= self.weighing.milli[cell] * mass
        _subtract(self.by_agency[kind.group], agency, self.weighing.milli[cell] * mass)
        masses = self._masses.setdefault(cell, {})  # none where doubles weigh nothing
        _subtract(masses, agency, mass)
        if not masses:
            del self._masses[cell]

    def _rebase(self, landmark: int) -> None:
        """Scale all evidence to a new landmark."""
        if self.landmark:
            shift = self.rules.decay.shift(self.landmark, landmark)
            self.totals[:] = [total >> shift for total in self.totals]
            self.by_agency[:] = [{name: sum_ >> shift for name, sum_ in sums.items()} for sums in self.by_agency]
            for cell, masses in self._masses.items():
                self._masses[cell] = {name: mass >> shift for name, mass in masses.items()}
        self.landmark = landmark


def _age(occurred: int, edges: list[int]) -> int:
    """Age class: 0 the last hour, 1 hours 1 to 6, 2 hours 6 to 24, _AGES when it is out."""
    return 0 if occurred > edges[0] else 1 if occurred > edges[1] else 2 if occurred > edges[2] else _AGES


def _subtract(sums: dict[str, int], name: str, amount: int) -> None:
    """Subtract from one of the sums; a sum of nothing is removed."""
    left = sums.get(name, 0) - amount
    if left:
        sums[name] = left
    else:
        sums.pop(name, None)
