"""The fold's state as records of the state topic, and back.

Keys are fine-grained, so that a change writes little: `16.71/h` the head of a regency, `16.71/i/<number>` a segment of
incidents, `16.71/t/<number>` a segment of stations, `16.71/s/<station>` one by itself, `16.71/d/<number>` a segment of
event ids' digests, `16/p` a province. Windows and pressure are not stored: they are rebuilt from the incidents, which
cannot drift."""

import orjson

from streams.risk.levels import Phase
from streams.risk.regency import LIVE, SILENT, STALE, RegencyState
from streams.storage.segments import Segment

_STATUS = {LIVE: LIVE, STALE: STALE, SILENT: SILENT}  # restored words must be the very objects that `is` compares


def head(state: RegencyState) -> bytes:
    """All of a regency but its incidents, stations and event ids."""
    published, ladder = state.published, state.ladder
    return orjson.dumps(
        {
            "clock": [state.clock_ms, state.first_ms, state.grid_ms, state.pruned_hour],
            "offset": state.offset,
            "segments": [state.segments.last, state.event_ids.last, state.kept_stations.segments.last],
            "ladder": [ladder.phases, ladder.since_ms, ladder.changed_ms],
            "since": state.since_ms,
            "data": [
                state.data_status, state.silence_ms, state.observed_ms, state.is_quiet, state.is_unheard, state.is_silence_told,
            ],
            "excluded": state.excluded,
            "history": state.history,
            "neighbours": [state.neighbours, state.shares, state.told_hour],
            "published": [
                published.episode, published.sequence, published.at_ms, published.evidence, published.unverified,
                published.is_amend_due, published.corrected, published.is_borne_out, published.pressure,
            ],
            "turnout": state.turnout.totals(),
        }
    )  # fmt: skip


def restore_head(state: RegencyState, value: bytes) -> None:
    stored = orjson.loads(value)
    state.clock_ms, state.first_ms, state.grid_ms, state.pruned_hour = stored["clock"]
    state.offset = stored["offset"]
    state.segments.last, state.event_ids.last, *of_stations = stored["segments"]
    state.kept_stations.segments.last = of_stations[0] if of_stations else 0
    phases, state.ladder.since_ms, state.ladder.changed_ms = stored["ladder"]
    state.ladder.phases = [Phase(phase) for phase in phases]
    state.since_ms = stored["since"]
    (
        status, state.silence_ms, state.observed_ms, state.is_quiet, state.is_unheard, state.is_silence_told,
    ) = stored["data"]  # fmt: skip
    state.data_status = _STATUS[status]
    state.excluded = stored["excluded"]
    state.history = stored["history"]
    state.neighbours, state.shares, state.told_hour = stored["neighbours"]
    published = state.published
    (
        published.episode, published.sequence, published.at_ms, published.evidence, published.unverified,
        published.is_amend_due, published.corrected, published.is_borne_out, published.pressure,
    ) = stored["published"]  # fmt: skip
    state.turnout.restore_totals(stored["turnout"])
    if state.grid_ms:
        state.incidents.pass_to(state.grid_ms)


def close_frame(state: RegencyState) -> None:
    """A ledger frame has ended: turn what it brought into segments. As of now, so that batches do not matter."""
    state.event_ids.close_frame(state.clock_ms)
    state.kept_stations.close_frame()
    for number, segment in state.segments.close_frame():
        state.segments.changed[number] = _incidents(state, segment, number)


def _incidents(state: RegencyState, segment: Segment, number: int) -> bytes:
    """The incidents whose newest revision lies in a segment."""
    held = state.incidents.records
    incident_ids = segment.ids if segment.live == len(segment.ids) else dict.fromkeys(segment.ids)
    rows = [
        (incident_id, revision, kind.category, kind.severity, status, occurred, source, spoken, grave_ms)
        for incident_id, revision, kind, status, occurred, source, lies_in, spoken, _, grave_ms in map(
            held.__getitem__, incident_ids
        )
        if lies_in == number
    ]
    return orjson.dumps([segment.clock_ms, rows])


def restore_incidents(state: RegencyState, stored: dict[int, bytes]) -> None:
    """Take back all segments; of an incident's revisions the one in the latest segment counts."""
    newest: dict[str, tuple[int, list]] = {}
    for number in sorted(stored):
        clock_ms, rows = orjson.loads(stored[number])
        state.segments.restore(number, clock_ms)
        for row in rows:
            newest[row[0]] = number, row
    kinds, put = state.rules.kinds, state.incidents.put
    for number, row in newest.values():
        incident_id, revision, category, severity, status, occurred, source, spoken, grave_ms = row
        put(incident_id, revision, kinds[category, severity], status, occurred, source, number, spoken, grave_ms)
        state.segments.put_back(number, incident_id)


def drain(state: RegencyState, prefix: bytes) -> list[tuple[bytes, bytes | None]]:
    """State records of what changed since the last drain, the head included."""
    records: list[tuple[bytes, bytes | None]] = []
    for number, segment in state.segments.changed.items():
        records.append((prefix + b"/i/%d" % number, segment))
    records += state.kept_stations.drain(prefix)
    for number, ids in state.event_ids.changed.items():
        records.append((prefix + b"/d/%d" % number, ids))
    records.append((prefix + b"/h", head(state)))
    state.segments.changed, state.event_ids.changed = {}, {}
    return records
