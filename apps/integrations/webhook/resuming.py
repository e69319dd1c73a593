"""Where a sender begins to read a partition of escalations: by its log, else by the group's offset."""

from typing import NamedTuple

from apps.integrations.webhook.delivery_state import DeliveryState
from schemas.notification import Event


class Offsets(NamedTuple):
    """Of one partition of escalations: the first that is kept, the end, and the group's committed one, if any."""

    first: int
    end: int
    committed: int | None


class Resume(NamedTuple):
    """Read from `offset`; log `event`; `line` says what is lost or odd, None when nothing is."""

    offset: int
    event: Event
    line: str | None = None


def resume(state: DeliveryState, offsets: Offsets, anchor_id: str | None) -> Resume:
    """`anchor_id`: the id of the escalation that is now at `state.anchor(offsets.end)`, None when it is gone."""
    first, end, committed = offsets
    below = state.settled_below
    if below is None:
        return _without_log(first, end, committed)
    anchor = state.anchor(end)
    is_kept = anchor is not None and anchor.offset >= first
    if is_kept and anchor is not None and anchor_id != anchor.escalation_id:
        return Resume(first, Event.RECREATED, _RECREATED)
    if below > end:
        if is_kept:  # what was tried below it is sent again with it: its records would be forgotten
            start = min([one.offset for one in state.tried.values()], default=end)
            return Resume(min(start, end), Event.RECREATED, f"Kafka lost escalations: it ends at {end}, not {below}")
        return Resume(first, Event.RECREATED, _RECREATED)
    return _from(below, first)


_RECREATED = "the topic of escalations was created again: all that is on it is sent"


def _without_log(first: int, end: int, committed: int | None) -> Resume:
    """The log holds nothing: a sender of a version without a log, a first start, or a log that is gone."""
    if committed is None:
        return Resume(first, Event.STARTED)  # a partition that came later
    if committed > end:
        return Resume(first, Event.STARTED, _RECREATED)
    return _from(committed, first)


def _from(below: int, first: int) -> Resume:
    if below < first:
        return Resume(first, Event.STARTED, f"up to {first - below} escalations expired before they were sent")
    return Resume(below, Event.STARTED)
