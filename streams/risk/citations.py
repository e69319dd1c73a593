"""Which incidents an escalation cites: those that add most as of now, of the groups that decided."""

from heapq import nsmallest

from streams.risk.incidents import Incidents
from streams.risk.record import Record
from streams.rules import Rules

CITED_MOST = 20


def cite(rules: Rules, incidents: Incidents, groups: tuple[int, ...]) -> list[Record]:
    """Up to 20 incidents of these groups (all when empty) that weigh something: the grave ones of the last hour, then
    those that add most, but of each group at least one; by severity weight, the newer first among equals, then by key.

    Who is notified follows from them, so a flood of one group must not leave out the others'."""
    found = _most(rules, incidents, groups, CITED_MOST)
    if rules.rolling_milli is None and len(found) == CITED_MOST:
        there = {record.kind.group for record in found}
        lacking = [one for group in groups if group not in there for one in _most(rules, incidents, (group,), 1)]
        found = found[: CITED_MOST - len(lacking)] + lacking
    return sorted(found, key=_heaviest_first)


def _most(rules: Rules, incidents: Incidents, groups: tuple[int, ...], count: int) -> list[Record]:
    """So many incidents of these groups, in the order in which they are cited."""
    is_rolling = rules.rolling_milli is not None

    def is_citable(record: Record) -> bool:
        return bool(record.kind.pressure_milli[record.status]) and (not groups or record.kind.group in groups)

    def most_first(record: Record) -> tuple[bool, int, int, str]:
        is_urgent = record.incident in incidents.urgent
        return not is_urgent, -incidents.evidence(record), -record.occurred_ms, record.incident

    key = _heaviest_first if is_rolling else most_first
    grave = [] if is_rolling else [incidents.records[incident] for incident in incidents.urgent]
    found = nsmallest(count, filter(is_citable, grave), key=key)
    for until_ms, records in incidents.newest_first():
        # Older incidents add no more, so that a busy day is not read whole for each escalation.
        if len(found) == count and not _may_enter(rules, incidents, until_ms, found[-1]):
            break
        more = [record for record in records if is_citable(record)]
        if not is_rolling:
            more = [record for record in more if record.incident not in incidents.urgent]
        found = nsmallest(count, found + more, key=key)
    return found


def _may_enter(rules: Rules, incidents: Incidents, until_ms: int, last: Record) -> bool:
    """Whether an incident until then can come before the last of those found, all of which are newer or urgent."""
    if rules.rolling_milli is not None:
        return rules.weight_most > last.kind.window_milli
    return last.incident not in incidents.urgent and incidents.evidence_most(until_ms) > incidents.evidence(last)


def _heaviest_first(record: Record) -> tuple[int, int, str]:
    return -record.kind.window_milli, -record.occurred_ms, record.incident
