"""Laws B and C of the risk model: every row, escalation, notice and pace of a run against the recount."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from tests.recount.comparison import Comparison, RegencyComparison
from tests.recount.ledger import Entry, home
from tests.recount.pace_laws import pace_faults
from tests.recount.policy import HOUR_MS, Place, Policy
from tests.recount.province import ProvinceComparison
from tests.recount.records import Evidence, Record, state_marks
from tests.recount.stations import StationRoster

#: (class of a comparison, its arguments, its history): the comparison, followed to its end.
Follow = Callable[[type[Comparison], tuple, list[Entry]], Comparison]


def follow(kind: type[Comparison], arguments: tuple, history: list[Entry]) -> Comparison:
    comparison = kind(*arguments)
    comparison.found = list(comparison.faults(history))
    return comparison


def judge_risk(
    evidence: Evidence,
    entries: list[Entry],
    histories: dict[str, list[Entry]],
    places: dict[str, Place],
    policy: Policy,
    stations: StationRoster | None = None,
    follow: Follow = follow,
) -> Iterator[tuple[str, str]]:
    """(law, fault). Notices and missing rows are judged of the regencies and provinces that have no other fault."""
    rows = _by_code(evidence.topics["risk"], "regency") | _by_code(evidence.topics["province"], "province")
    escalations: dict[str, list[dict]] = defaultdict(list)
    for record in evidence.topics["escalations"]:
        escalation = json.loads(record.value)
        escalations[escalation["regency"]].append(escalation)
    notices = [e.fields for e in entries if e.fields[0] == "n"]
    told = {f[5] or (f[2], f[1]): f[8] for f in notices}
    compared: dict[str, Comparison] = {}
    for code, history in histories.items():
        rest = home(code, evidence.partitions), policy, rows.get(code, {}), escalations[code]
        if code in places:
            listed = None if stations is None else stations.get(code)
            compared[code] = follow(RegencyComparison, (places[code], *rest, told, listed), history)
        else:
            members = {member: places[member].stations for member in sorted(places) if member.startswith(code)}
            compared[code] = follow(ProvinceComparison, (code, members, *rest), history)
        yield from compared[code].found
    sound = {code: comparison for code, comparison in compared.items() if not comparison.has_fault}
    yield from (("B", text) for text in _notices(entries, sound))
    yield from (("B", text) for text in pace_faults(entries, sound))
    yield from (("C", text) for text in _rows_are_there(evidence, sound))


def _by_code(records: list[Record], name: str) -> dict[str, dict[int, dict]]:
    found: dict[str, dict[int, dict]] = defaultdict(dict)
    for record in records:
        row = json.loads(record.value)
        found[row[name]][row["ledger"]["offset"]] = row
    return found


def _notices(entries: list[Entry], compared: dict[str, Comparison]) -> Iterator[str]:
    """Neighbours and the province receive each level change once, the province each change of data status and of the
    agency on which the level rests alone, neighbours the share once an hour."""
    got: Counter = Counter()
    hours: Counter = Counter()
    want, want_hours = _wanted(compared)
    for entry in entries:
        f = entry.fields
        if f[0] != "n" or f[2] not in compared:
            continue
        state = (f[1], f[2], f[3], f[6], f[8], f[7])
        found = entry.key, (*state, f[4], f[5])
        if f[5] or len(entry.key) == 2 or got[found] < want[found]:
            got[found] += 1
            continue
        hours[entry.key, f[2], f[1] // HOUR_MS] += 1
        if state not in compared[f[2]].states.get(f[1], ()) or f[3] != f[4] or f[7] is None:
            yield f"{entry.key} was notified of {state} by {f[2]}, which is not so"
    for (target, notice), count in (want - got).items():
        yield f"lost: {target} was not notified of {notice} ({count})"
    for (target, notice), count in (got - want).items():
        yield f"doubled: {target} was notified of {notice} {count} times beyond the escalations"
    for target, code, hour in want_hours.keys() - hours.keys():
        yield f"lost: {target} was not notified of the share of {code} in hour {hour}"
    for (target, code, hour), count in hours.items():
        if count > 1:
            yield f"doubled: {target} was notified of the share of {code} {count} times in hour {hour}"


def _wanted(compared: dict[str, Comparison]) -> tuple[Counter, Counter]:
    """Notices of the level, the data status and the agency; and of the share, by target, regency and hour."""
    want: Counter = Counter()
    hours: Counter = Counter()
    for code, comparison in compared.items():
        if isinstance(comparison, RegencyComparison):
            want += comparison.notices
            hours += Counter((n, code, hour) for n in comparison.place.neighbours for hour in comparison.share_hours)
    return want, hours


class _State:
    """What a state topic says of its batches: where they end, and at which offsets rows were published."""

    def __init__(self, records: list[Record]) -> None:
        #: Below these ledger offsets nothing was published, by partition.
        self.quiet: dict[int, int] = {}
        self.ends: dict[int, list[int]] = defaultdict(list)
        self.heads: dict[str, set[int]] = defaultdict(set)
        for mark in state_marks(records):
            if mark.kind == "begin":
                self.quiet[mark.partition] = mark.offset
            elif mark.kind == "next":
                self.ends[mark.partition].append(mark.offset)
            else:
                self.heads[mark.code].add(mark.offset)

    def published_to(self, partition: int) -> int:
        return max([self.quiet.get(partition, 0), *self.ends[partition][-1:]])

    def rows(self, compared: Comparison) -> set[int]:
        """Ledger offsets of the rows that its batches published of a regency or province."""
        batch: dict[int, int] = {}
        bounds = iter(sorted(self.ends[compared.partition]))
        end = next(bounds, 0)
        for offset in compared.offsets:
            while end <= offset and end:
                end = next(bounds, 0)
            batch[end] = offset
        last = self.heads[compared.code] | {offset for end, offset in batch.items() if end}
        return {offset for offset in last if offset >= self.quiet.get(compared.partition, 0)}


def _rows_are_there(evidence: Evidence, compared: dict[str, Comparison]) -> Iterator[str]:
    """A batch publishes the row of each regency that it changed, as of its last frame. Where batches end, the state
    topics say; state that was rebuilt published nothing before `quiet_until`, for the state before it had."""
    states = [_State(records) for records in (*evidence.lost_states, evidence.topics["risk-state"])]
    for code, comparison in compared.items():
        last = set(comparison.offsets[-1:]).union(*(state.rows(comparison) for state in states))
        if lost := sorted(last - comparison.rows.keys()):
            yield f"{code}: lost: no row at ledger offsets {lost[:20]}, at which its state or its batch ends"
    for partition in range(evidence.partitions):
        published = 0
        for number, state in enumerate(states):
            quiet = state.quiet.get(partition)
            if number and quiet is not None and quiet != published:
                where = f"the state of ledger[{partition}] was rebuilt without publishing up to {quiet}"
                yield f"{where}; published was up to {published}"
            published = max(published, state.published_to(partition))
