"""Records of the escalations topic as senders handle them: cut to what may leave, and counted by what became of each.

A sender is `cap` or `webhook-NAME`, one process that carries escalations out of Kafka."""

import re
import time
from collections import Counter

import orjson
from pydantic import ValidationError

from agents import metrics
from schemas.escalation import ESCALATION_SCHEMA, Escalation
from schemas.outward import Outward, let_out
from schemas.ruleset.outward import OutwardRule


class NotAnEscalation(ValueError):
    """A record does not hold an escalation. One line that names the field and quotes nothing of the record."""


class UnsupportedVersion(NotAnEscalation):
    """An escalation of another version than this program reads: a later one of it will. `escalation_id` and `regency`
    as far as they look like ours."""

    def __init__(self, line: str, escalation_id: str | None, regency: str | None) -> None:
        super().__init__(line)
        self.escalation_id, self.regency = escalation_id, regency


def outward_of(value: bytes | None, rule: OutwardRule) -> Outward:
    """The escalation in a record's value, as `rule` lets it out. Raises NotAnEscalation, UnsupportedVersion.

    Unknown fields are ignored: an alert must not be lost because its reader is older than its writer."""
    if value is None:
        raise NotAnEscalation("a tombstone, no escalation")
    try:
        return let_out(Escalation.model_validate_json(value, extra="ignore"), rule)
    except ValidationError as error:
        _raise_unsupported(value)
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "value"
        raise NotAnEscalation(f"{field}: {first['msg']}"[:200]) from None


def _raise_unsupported(value: bytes) -> None:
    """Raise UnsupportedVersion when the value names another version of an escalation."""
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return
    name = found.get("schema") if isinstance(found, dict) else None
    if (
        not isinstance(name, str)
        or not re.fullmatch(r"siaga\.escalation/[0-9]{1,9}", name)
        or name == ESCALATION_SCHEMA
    ):
        return
    line = f"{name}, this version reads {ESCALATION_SCHEMA}"
    raise UnsupportedVersion(
        line, _matching(found, "escalation_id", r"[0-9a-f]{32}"), _matching(found, "regency", r"[0-9]{2}(\.[0-9]{2})?")
    )


def _matching(found: dict[str, object], field: str, pattern: str) -> str | None:
    value = found.get(field)
    return value if isinstance(value, str) and re.fullmatch(pattern, value) else None


class DeliveryCounts:
    """What became of one sender's escalations: its metrics, and its summary (`str`) at the end."""

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self._counts: Counter[str] = Counter()
        # Create each series at 0, so that the first refusal shows as an increase.
        metrics.OUTWARD_RETRIES.labels(sender)
        for outcome in ("delivered", "refused", "unreadable"):
            metrics.OUTWARD_ESCALATIONS.labels(sender, outcome)

    def waiting(self, partition: int, appended_ms: int | None) -> None:
        """The oldest escalation of a partition that is not delivered, by its append time; None: none waits here."""
        if appended_ms is not None:
            metrics.OUTWARD_WAITING_SINCE.labels(self._sender, str(partition)).set(appended_ms / 1000)
        else:
            metrics.OUTWARD_WAITING_SINCE.remove(self._sender, str(partition))

    def stay_refused(self, partition: int, count: int | None) -> None:
        """How many of a partition stay refused until people decide; None: the partition is another's."""
        if count is not None:
            metrics.OUTWARD_REFUSED.labels(self._sender, str(partition)).set(count)
        else:
            metrics.OUTWARD_REFUSED.remove(self._sender, str(partition))

    def delivered(self) -> None:
        """The receiver accepted an escalation, or its document was written."""
        self._counts["delivered"] += 1
        metrics.OUTWARD_ESCALATIONS.labels(self._sender, "delivered").inc()
        metrics.OUTWARD_LAST_SUCCESS.labels(self._sender).set(time.time())

    def retried(self) -> None:
        """An attempt failed and will be repeated."""
        self._counts["retried"] += 1
        metrics.OUTWARD_RETRIES.labels(self._sender).inc()

    def refused(self) -> None:
        """The receiver refused an escalation for good."""
        self._counts["refused"] += 1
        metrics.OUTWARD_ESCALATIONS.labels(self._sender, "refused").inc()

    def unreadable(self) -> None:
        """A record held no escalation; the summary counts it as refused."""
        self._counts["refused"] += 1
        metrics.OUTWARD_ESCALATIONS.labels(self._sender, "unreadable").inc()

    def __str__(self) -> str:
        return ", ".join(f"{self._counts[word]} {word}" for word in ("delivered", "retried", "refused"))
