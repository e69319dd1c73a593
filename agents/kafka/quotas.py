"""Quotas: how many bytes a second a publisher may send to each broker.

The broker is the place for a limit on a publisher's rate: it delays a publisher that is too fast and loses nothing.
Siaga must process every record of the log, so a limit in a worker could only lose records or make results depend on
time."""

from collections.abc import Iterable
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import ClusterAuthorizationFailedError, for_code
from kafka.protocol.admin import AlterClientQuotasRequest, DescribeClientQuotasRequest

#: What a publisher may send to each broker a second, unless told otherwise. With zstd, made-up incidents that differ in
#: their numbers only take 3 bytes each: with three brokers this lets in 32,000 a second, half of what two workers fold.
#: A province's turnout, all stations four times an hour, takes 8 KB a second (docs/operating/security.md).
PUBLISHER_BYTES_PER_S = 32 * 1024

_KEY = "producer_byte_rate"
_EXACT_NAME = 0


class QuotaError(Exception):
    """The broker does not return or set quotas. One line."""


def quota_of(admin: KafkaAdminClient, user: str) -> int | None:
    """Bytes a second that a user may send to each broker; None without a limit of its own. Raises QuotaError."""
    component = DescribeClientQuotasRequest.ComponentData(entity_type="user", match_type=_EXACT_NAME, match=user)
    answer = _send(admin, DescribeClientQuotasRequest(components=[component], strict=True))
    _check(answer.error_code, answer.error_message, f"cannot read the quota of {user}")
    rates = {value.key: value.value for entry in answer.entries or () for value in entry.values}
    return int(rates[_KEY]) if _KEY in rates else None


def set_quotas(admin: KafkaAdminClient, users: Iterable[str], bytes_per_s: int) -> None:
    """Limit what each user may send to each broker. Raises QuotaError."""
    request = AlterClientQuotasRequest
    limit = request.EntryData.OpData(key=_KEY, value=float(bytes_per_s), remove=False)
    entries = [
        request.EntryData(entity=[request.EntryData.EntityData(entity_type="user", entity_name=user)], ops=[limit])
        for user in users
    ]
    for entry in _send(admin, request(entries=entries, validate_only=False)).entries:
        _check(entry.error_code, entry.error_message, f"cannot set the quota of {entry.entity[0].entity_name}")


def _send(admin: KafkaAdminClient, request: Any) -> Any:
    # kafka-python 3.0.12 has the request but no method that sends it; the version is pinned and tests cover this.
    return admin._manager.run(admin._manager.send, request)


def _check(code: int, message: str | None, failed: str) -> None:
    if code:
        error = for_code(code)
        hint = "; sign in as the cluster's administrator" if error is ClusterAuthorizationFailedError else ""
        raise QuotaError(f"{failed}: {message or error.__name__}{hint}")
