"""What stays refused, of all senders or of one, out of the log of notifications; and what people ask for in it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from apps.integrations.webhook.delivery_state import DeliveryState, Key, Refused, parse
from apps.integrations.webhook.notifications import Author
from schemas.notification import Event, Notification

States = dict[tuple[str, int], DeliveryState]
"""By sender and partition."""


class NotListed(LookupError):
    """What was asked for is not in the log. One line."""


class Listed(NamedTuple):
    """An escalation of the list. `is_refused` is false while it is tried."""

    is_refused: bool
    first_ms: int
    last_ms: int
    last: Notification

    def line(self) -> dict[str, Any]:
        """As JSON: what, to whom, since when, with what answer."""
        one, answer = self.last, self.last.answer
        return {
            "target": one.target,
            "receiver": one.receiver,
            "state": "refused" if self.is_refused else "tried",
            "escalation_id": one.escalation_id,
            "position": f"{one.position.partition}/{one.position.offset}",
            "regency": one.regency,
            "level": one.level,
            "change": one.change,
            "first": _time(self.first_ms),
            "last": _time(self.last_ms),
            "attempts": one.attempts,
            "status": answer.status if answer else None,
            "reason": answer.reason if answer else None,
        }


def states_of(records: Iterable[Any]) -> States:
    """The state of every sender and partition after these records of the log. Raises NewerLog."""
    states: States = {}
    for record in records:
        if (one := parse(record.value)) is not None:
            states.setdefault((one.target, record.partition), DeliveryState()).apply(one, record.timestamp)
    return states


def listed(states: States, target: str | None, also_tried: bool) -> Iterator[Listed]:
    """What stays refused, oldest first; with `also_tried` what is still tried too."""
    found = [
        Listed(True, one.first_ms, one.last_ms, one.last)
        for (name, _), state in states.items()
        if target in (None, name)
        for one in state.refused.values()
    ]
    if also_tried:
        found += [
            Listed(False, one.first_ms or state.last_ms, state.last_ms, one.last)
            for (name, _), state in states.items()
            if target in (None, name)
            for one in state.tried.values()
        ]
    return iter(sorted(found, key=lambda one: one.first_ms))


def asked(states: States, target: str, which: Iterable[str], every: bool, event: Event) -> list[Notification]:
    """Records that ask for `event` of these (ids, or PARTITION/OFFSET), with `every` of all that stay refused. Raises
    NotListed."""
    mine = {partition: state for (name, partition), state in states.items() if name == target}
    if not mine:
        names = ", ".join(sorted({name for name, _ in states})) or "none"
        raise NotListed(f"no sender named {target} in the log of notifications; there are: {names}")
    refused = [(partition, key, one) for partition, state in mine.items() for key, one in state.refused.items()]
    author = Author(target, next(state.receiver for state in mine.values() if state.receiver) or "")
    if every:
        return [author.of(one.last, event) for _, _, one in refused]
    return [_one(author, mine, refused, text, event) for text in which]


def _one(
    author: Author, mine: dict[int, DeliveryState], refused: list[tuple[int, Key, Refused]], text: str, event: Event
) -> Notification:
    for partition, (offset, escalation_id), one in refused:
        if text in (escalation_id, f"{partition}/{offset}"):
            return author.of(one.last, event)
    if event is Event.RESEND:
        for partition, state in mine.items():
            for regency, known in state.known.items():
                if found := next((it for it in known if text in (it.escalation_id, f"{partition}/{it.offset}")), None):
                    return author.again(partition, found.offset, found.escalation_id, regency)
        of, _, at = text.partition("/")
        if of.isdecimal() and at.isdecimal() and int(of) in mine:
            return author.again(int(of), int(at), None, None)
    raise NotListed(f"{text[:60]}: not in the list of {author.target} (siaga webhook refused)")


def _time(append_ms: int) -> str:
    return datetime.fromtimestamp(append_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
