"""Runs of plain reports, folded in one loop.

In catch-up a regency has dozens of reports within a minute, and nearly all of them are plain: the first revision of an
incident of the last hour, by a source that counts already, too little for another point. `fold_plain` takes such
reports, and repeats of what is known, from the front of a run exactly as `streams.risk.regency.step` does one by one,
and stops before the first of any other kind."""

from schemas.ledger import INCIDENT, Entry
from streams.risk.incidents import new_record
from streams.risk.regency import LIVE, Outcomes, RegencyState, needed
from streams.rules import GRAVE, SCORED, SERIOUS


def fold_plain(state: RegencyState, entries: list[Entry], start: int, outcomes: Outcomes) -> int:
    """Fold the plain reports from number `start` on; return the number of the first that was not taken.

    No decision is due after any of them: here sums only grow, and what stays below a point's need has been below it all
    along."""
    if state.is_due or state.is_unheard or state.incidents.news or state.data_status is not LIVE:
        return start
    ids, repeats, opened_ms, heard_ms = _take(state, entries, start)
    if repeats:
        state.excluded["duplicate"] += repeats
        outcomes[INCIDENT]["duplicate"] += repeats
    if ids:
        outcomes[INCIDENT]["applied"] += len(ids)
        state.segments.extend(ids, opened_ms)
        state.scored = None
        state.silence_ms, state.observed_ms, state.is_quiet = 0, heard_ms, False
    return start + len(ids) + repeats


def _take(state: RegencyState, entries: list[Entry], start: int) -> tuple[list[str], int, int, int]:
    """Put plain reports in: their incidents' ids, how many repeats there were, and the clock at the first and the last
    report.
    """
    incidents, kinds, event_ids = state.incidents, state.rules.kinds, state.event_ids
    records, edge_ms, end_ms, clock = incidents.records, incidents.edges[0], state.grid_end_ms, state.clock_ms
    by_source, serious, totals, counts = incidents.by_source, incidents.serious, incidents.totals, incidents.counts
    is_hasty, grown_of, weight = incidents.is_hasty, incidents.grown_of, incidents.weights[0]
    is_new, name_of, needs = event_ids.is_new, incidents.names.setdefault, state.needs
    segment, room = state.segments.room()
    ids, repeats, opened_ms, heard_ms = [], 0, 0, 0
    bucket, after_ms, until_ms = [], 0, 0
    for number in range(start, min(start + room, len(entries))):
        entry = entries[number]
        if entry[0] != INCIDENT:
            break
        _, at_ms, event_id, incident_id, revision, _, category, severity, status, occurred, _, source, is_exercise = (
            entry
        )
        if at_ms >= end_ms or occurred <= edge_ms or is_exercise or status == "retracted":
            break
        if is_repeat := incident_id in records:
            if not event_ids.is_known(event_id):
                break
        else:
            kind = kinds[category, severity]
            group, heavier, grown = kind.group, weight + kind.window_milli, 0
            if group < SCORED:
                if source not in by_source[group]:
                    break
                if milli := kind.pressure_milli[status]:
                    if is_hasty and severity >= SERIOUS and (severity >= GRAVE or source not in serious[group]):
                        break
                    grown = grown_of(kind, milli, occurred)
                least = needs[group]
                if (totals[group] + grown if is_hasty else heavier) >= (
                    needed(state, group) if least is None else least
                ):
                    break
            is_repeat = not is_new(event_id)
        if at_ms > clock:
            clock = at_ms
        if is_repeat:
            repeats += 1
            continue
        if not after_ms < occurred <= until_ms:
            bucket, after_ms, until_ms = incidents.bucket(occurred)
        source, status = name_of(source, source), name_of(status, status)
        told_ms = clock if severity >= GRAVE else 0
        record = new_record((incident_id, revision, kind, status, occurred, source, segment, source, True, told_ms))
        records[incident_id] = record
        bucket.append(record)
        ids.append(incident_id)
        opened_ms, heard_ms, weight = opened_ms or clock, clock, heavier
        counts[group] += 1
        incidents.vouched += status != "reported"
        if grown:
            totals[group] += grown
            by_source[group][source] += grown
            if is_hasty and severity >= SERIOUS:
                serious[group][source] += 1
    incidents.weights[0], state.clock_ms = weight, clock
    return ids, repeats, opened_ms, heard_ms
