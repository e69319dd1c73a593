"""Makes one sender's records of the log of notifications."""

from datetime import UTC, datetime
from typing import NamedTuple

from apps.integrations.webhook.http_attempt import Answer
from apps.integrations.webhook.waiting import Waiting
from schemas.notification import NOTIFICATION_SCHEMA, Event, Notification


class Author(NamedTuple):
    """Whose records: the sender's name, and the receiver's scheme, host and port."""

    target: str
    receiver: str

    def about(self, one: Waiting, event: Event, answer: Answer, partition: int, settled_below: int) -> Notification:
        """A record about an escalation."""
        return Notification.model_validate(
            self._head(event, partition, one.offset, settled_below)
            | {
                "escalation_id": one.escalation_id,
                "regency": one.regency,
                "level": one.level,
                "change": one.change,
                "attempts": one.attempts,
                "answer": answer.logged(),
            }
        )

    def at(self, event: Event, partition: int, offset: int) -> Notification:
        """A record that reading begins at `offset`."""
        return Notification.model_validate(self._head(event, partition, offset, offset))

    def of(self, last: Notification, event: Event) -> Notification:
        """A record of the same escalation as `last`, by people."""
        kept = {name: getattr(last, name) for name in ("escalation_id", "regency", "level", "change")}
        where = last.position
        return Notification.model_validate(self._head(event, where.partition, where.offset, 0) | kept)

    def again(self, partition: int, offset: int, escalation_id: str | None, regency: str | None) -> Notification:
        """A record that asks for an escalation that is not on the list."""
        named = {"escalation_id": escalation_id, "regency": regency}
        return Notification.model_validate(self._head(Event.RESEND, partition, offset, 0) | named)

    def _head(self, event: Event, partition: int, offset: int, settled_below: int) -> dict[str, object]:
        return {
            "schema": NOTIFICATION_SCHEMA,
            "target": self.target,
            "receiver": self.receiver,
            "event": event.value,
            "at": datetime.now(UTC),
            "position": {"partition": partition, "offset": offset},
            "settled_below": settled_below,
        }
