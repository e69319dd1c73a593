"""The fold's state as records of the state topic, and back.

Keys are fine-grained, so that a change writes little: `16.71/h` the head of a regency, `16.71/i/<incident_id>`,
`16.71/s/<station>`, `16.71/d/<ledger offset>` (digests of event ids), `16/p` a province. Windows and pressure are not
stored: they are rebuilt from the incidents, which cannot drift.
"""

import orjson

from streams.incidents import Record
from streams.levels import Phase
from streams.regency import HOUR_MS, LIVE, SILENT, STALE, RegencyState

_STATUS = {LIVE: LIVE, STALE: STALE, SILENT: SILENT}  # restored words must be the very objects that `is` compares


def head(state: RegencyState) -> bytes:
    """All of a regency but its incidents, stations and event ids."""
    published, ladder = state.published, state.ladder
    return orjson.dumps(
        {
            "clock": [state.clock_ms, state.first_ms, state.grid_ms, state.pruned_hour],
            "offset": state.offset,
            "ladder": [ladder.phases, ladder.since_ms, ladder.changed_ms],
            "since": state.since_ms,
            "data": [state.data_status, state.silence_ms, state.is_quiet],
            "excluded": state.excluded,
            "history": state.history,
            "neighbours": [state.neighbours, state.shares, state.told_hour],
            "published": [
                published.episode, published.sequence, published.at_ms, published.evidence, published.unverified,
                published.is_amend_due,
            ],
            "turnout": state.turnout.totals(),
        }
    )  # fmt: skip


def restore_head(state: RegencyState, value: bytes) -> None:
    stored = orjson.loads(value)
    state.clock_ms, state.first_ms, state.grid_ms, state.pruned_hour = stored["clock"]
    state.offset = stored["offset"]
    phases, state.ladder.since_ms, state.ladder.changed_ms = stored["ladder"]
    state.ladder.phases = [Phase(phase) for phase in phases]
    state.since_ms = stored["since"]
    status, state.silence_ms, state.is_quiet = stored["data"]
    state.data_status = _STATUS[status]
    state.excluded = stored["excluded"]
    state.history = stored["history"]
    state.neighbours, state.shares, state.told_hour = stored["neighbours"]
    published = state.published
    (
        published.episode, published.sequence, published.at_ms, published.evidence, published.unverified,
        published.is_amend_due,
    ) = stored["published"]  # fmt: skip
    state.turnout.restore_totals(stored["turnout"])
    if state.grid_ms:
        state.incidents.pass_to(state.grid_ms)


def incident(record: Record) -> bytes:
    kind = record.kind
    return orjson.dumps(
        [
            record.revision, kind.category, kind.severity, record.status, record.occurred_ms, record.source,
            record.touched_ms, record.spoken,
        ]
    )  # fmt: skip


def restore_incident(state: RegencyState, incident_id: str, value: bytes) -> None:
    revision, category, severity, status, occurred, source, touched, spoken = orjson.loads(value)
    kind = state.rules.kinds[category, severity]
    state.incidents.put(incident_id, revision, kind, status, occurred, source, touched, spoken)
    state.touched.setdefault(touched // HOUR_MS, []).append(incident_id)


def drain(state: RegencyState, prefix: bytes) -> list[tuple[bytes, bytes | None]]:
    """State records of what changed since the last drain, the head included."""
    records: list[tuple[bytes, bytes | None]] = []
    held = state.incidents.records
    for incident_id in state.changed_incidents:
        record = held.get(incident_id)
        records.append((prefix + b"/i/" + incident_id.encode(), None if record is None else incident(record)))
    for station in state.changed_stations:
        records.append((prefix + b"/s/" + station.encode(), state.turnout.store(station)))
    for offset, segment in state.event_ids.changed.items():
        records.append((prefix + b"/d/" + str(offset).encode(), segment))
    records.append((prefix + b"/h", head(state)))
    state.changed_incidents, state.changed_stations, state.event_ids.changed = {}, {}, {}
    return records
