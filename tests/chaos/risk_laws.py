"""Every row, escalation and notice of a run, held against the recount of docs/risk-model.md. Shares no code with Siaga."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.chaos.evidence import Evidence, Seen
from tests.chaos.judging import LedgerStory, Story
from tests.chaos.oracle import Entry, home
from tests.chaos.policy import Place, Policy
from tests.chaos.province import ProvinceStory
from tests.chaos.scoring import HOUR_MS


def judge_risk(
    evidence: Evidence,
    entries: list[Entry],
    histories: dict[str, list[Entry]],
    places: dict[str, Place],
    policy: Policy,
) -> Iterator[tuple[str, str]]:
    """Faults by law. Ruleset and clock are those that the runs use: the default ruleset and the wall clock."""
    rows = _by_code(evidence.topics["risk"], "regency") | _by_code(evidence.topics["province"], "province")
    escalations: dict[str, list[dict]] = defaultdict(list)
    for record in evidence.topics["escalations"]:
        escalation = json.loads(record.value)
        escalations[escalation["regency"]].append(escalation)
    stories: dict[str, LedgerStory] = {}
    for code in histories:
        rest = home(code, evidence.partitions), policy, rows.get(code, {}), escalations[code]
        members = sorted(member for member in places if member.startswith(code))
        stories[code] = Story(places[code], *rest) if code in places else ProvinceStory(code, members, *rest)
        yield from stories[code].faults(histories[code])
    sound = {code: story for code, story in stories.items() if not story.is_lost}
    yield from (("B", text) for text in _notices(entries, sound))
    yield from (("C", text) for text in _rows_are_there(evidence, sound))


def _by_code(records: list[Seen], name: str) -> dict[str, dict[int, dict]]:
    found: dict[str, dict[int, dict]] = defaultdict(dict)
    for record in records:
        row = json.loads(record.value)
        found[row[name]][row["ledger"]["offset"]] = row
    return found


def _notices(entries: list[Entry], stories: dict[str, LedgerStory]) -> Iterator[str]:
    """Each level change was told once to each neighbour and the province, each data status and doubt to the province,
    shares once an hour."""
    told: Counter = Counter()
    hours: Counter = Counter()
    for entry in entries:
        f = entry.fields
        if f[0] != "n" or f[2] not in stories:
            continue
        state = (f[1], f[2], f[3], f[6], f[8], f[7])
        if f[5] or len(entry.key) == 2:
            told[entry.key, (*state, f[4], f[5])] += 1
            continue
        hours[entry.key, f[2], f[1] // HOUR_MS] += 1
        if state not in stories[f[2]].states.get(f[1], ()) or f[3] != f[4] or f[7] is None:
            yield f"{entry.key} was told {state} of {f[2]}, which is not so"
    want: Counter = Counter()
    want_hours: Counter = Counter()
    for code, story in stories.items():
        if isinstance(story, Story):
            want += story.notices
            want_hours += Counter((n, code, hour) for n in story.place.neighbours for hour in story.share_hours)
    for (target, notice), count in (want - told).items():
        yield f"lost: {target} was not told {notice} ({count})"
    for (target, notice), count in (told - want).items():
        yield f"doubled: {target} was told {notice} {count} times beyond the escalations"
    for share in want_hours.keys() - hours.keys():
        yield f"lost: {share[0]} was not told the share of {share[1]} in hour {share[2]}"
    for share, count in hours.items():
        if count > 1:
            yield f"doubled: {share[0]} was told the share of {share[1]} {count} times in hour {share[2]}"


class _State:
    """What a state topic tells of its batches: where they end, at which frames they left each regency, and below what
    it was silent.
    """

    def __init__(self, records: list[Seen]) -> None:
        self.quiet: dict[int, int] = {}
        self.ends: dict[int, list[int]] = defaultdict(list)
        self.heads: dict[str, set[int]] = defaultdict(set)
        for record in records:
            if record.key == b"@begin":
                self.quiet[record.partition] = json.loads(record.value)["quiet_until"]
            elif record.key == b"@next" and record.value:
                self.ends[record.partition].append(json.loads(record.value)["offset"])
            elif record.key.partition(b"/")[2] in (b"h", b"p") and record.value:  # a station may be called anything
                self.heads[record.key[:-2].decode()].add(json.loads(record.value)["offset"])

    def published_to(self, partition: int) -> int:
        return max([self.quiet.get(partition, 0), *self.ends[partition][-1:]])

    def rows(self, story: LedgerStory) -> set[int]:
        """Ledger offsets of the rows that its batches published of a regency or province."""
        batch: dict[int, int] = {}
        bounds = iter(sorted(self.ends[story.partition]))
        end = next(bounds, 0)
        for offset in story.offsets:
            while end <= offset and end:
                end = next(bounds, 0)
            batch[end] = offset
        last = self.heads[story.code] | {offset for end, offset in batch.items() if end}
        return {offset for offset in last if offset >= self.quiet.get(story.partition, 0)}


def _rows_are_there(evidence: Evidence, stories: dict[str, LedgerStory]) -> Iterator[str]:
    """A batch publishes the row of each regency that it changed, as of its last frame. Where batches end, the state
    topics tell; state that was built again published nothing before `quiet_until`, for the state before it had."""
    states = [_State(records) for records in (*evidence.lost_states, evidence.topics["risk-state"])]
    for code, story in stories.items():
        last = set(story.offsets[-1:]).union(*(state.rows(story) for state in states))
        lost = sorted(last - story.rows.keys())
        if lost:
            yield f"{code}: lost: no row at ledger offsets {lost[:20]}, at which its state or its batch ends"
    for partition in range(evidence.partitions):
        published = 0
        for number, state in enumerate(states):
            quiet = state.quiet.get(partition)
            if number and quiet is not None and quiet != published:
                yield f"the state of ledger[{partition}] was built again in silence up to {quiet}; published was up to {published}"
            published = max(published, state.published_to(partition))
