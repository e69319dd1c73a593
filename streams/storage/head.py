"""The head of a regency's state: all but incidents, stations and event ids, with the numbers of their segments."""

from typing import Any

from streams.risk.regency import RegencyState


def stored(state: RegencyState) -> dict[str, Any]:
    """The fields of the head's record."""
    return {
        "offset": state.offset,
        "clock": {"now_ms": state.clock_ms, "first_ms": state.first_ms, "grid_ms": state.grid_ms},
        "segments": {
            "incidents": state.incident_records.last,
            "stations": state.station_records.last,
            "event_ids": state.event_ids.last,
        },
        "ladder": state.ladder.stored(),
        "since_ms": state.since_ms,
        "silence": state.silence.stored(),
        "excluded": state.excluded,
        "neighbours": state.neighbours.stored(),
        "pace": state.pace.stored(),
        "published": state.published.stored(),
        "turnout": state.turnout.totals(),
    }


def restore(state: RegencyState, head: dict[str, Any]) -> None:
    """Take back what `stored` returned, before anything else of the state."""
    state.offset, clock = head["offset"], head["clock"]
    state.clock_ms, state.first_ms, state.grid_ms = clock["now_ms"], clock["first_ms"], clock["grid_ms"]
    state.ladder.restore(head["ladder"])
    state.since_ms = head["since_ms"]
    state.silence.restore(head["silence"])
    state.excluded = head["excluded"]
    state.neighbours.restore(head["neighbours"])
    state.pace.restore(head["pace"], state.first_ms)
    state.published.restore(head["published"])
    state.turnout.restore_totals(head["turnout"])
    state.resume()
