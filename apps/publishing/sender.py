"""Send in order with a bounded number of records in flight, and track the prefix that the broker has acknowledged.

kafka-python's buffer is unbounded, so a slow broker would fill the memory; and its futures are per record, while
resuming needs the longest prefix of acknowledged records. One queue, oldest first, provides both.
"""

from collections import deque
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownError

from apps.publishing.messages import Message

IN_FLIGHT_MAX = 10_000
IN_FLIGHT_MAX_BYTES = 16 * 1024 * 1024
# After this the broker counts as unreachable; kafka-python's default of two minutes is too long for a person to wait.
DELIVERY_S = 30.0


class DeliveryError(Exception):
    """The broker did not accept a record; no later record counts as acknowledged. One line."""


class _Producer(KafkaProducer):  # type: ignore[misc]  # kafka-python has no type information
    """Flushing never raises; what was not delivered is known from the futures.

    `close` flushes, and with the broker unreachable would replace the error being reported. A flush also raises
    UnknownError for a batch that was split because the broker called it too large (docs/upstream.md)."""

    def flush(self, timeout: float | None = None) -> None:
        with suppress(KafkaTimeoutError, UnknownError):
            super().flush(timeout)


class Sender:
    """An idempotent producer (acks=all).

    `acknowledged` counts the records of the acknowledged prefix; `position` is the value given with its last record."""

    def __init__(
        self,
        options: dict[str, Any],
        compression: str | None = None,
        connect_s: float = 10.0,
        delivery_s: float = DELIVERY_S,
    ) -> None:
        self._wait_s = delivery_s + 5
        self._producer = _Producer(
            **options,
            client_id="siaga-publish",
            acks="all",
            enable_idempotence=True,
            compression_type=compression,
            linger_ms=20,
            batch_size=128 * 1024,
            max_block_ms=int(connect_s * 1000),
            bootstrap_timeout_ms=int(connect_s * 1000),
            delivery_timeout_ms=int(delivery_s * 1000),
            request_timeout_ms=int(delivery_s * 500),
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        self._in_flight: deque[tuple[Any, int, Any]] = deque()
        self._in_flight_bytes = 0
        self.acknowledged = 0
        self.position: Any = None

    def send(self, topic: str, message: Message, position: Any = None) -> None:
        """Queue one record; waits while too much is in flight. Raises DeliveryError if an earlier record failed."""
        while len(self._in_flight) >= IN_FLIGHT_MAX or self._in_flight_bytes >= IN_FLIGHT_MAX_BYTES:
            self._settle_oldest(wait=True)
        future = self._producer.send(topic, value=message.value, key=message.key, headers=list(message.headers))
        self._in_flight.append((future, len(message.value), position))
        self._in_flight_bytes += len(message.value)
        self.settle()

    def settle(self) -> None:
        """Count what has been acknowledged by now, without waiting. Raises DeliveryError."""
        while self._in_flight and self._in_flight[0][0].is_done:
            self._settle_oldest(wait=False)

    def drain(self) -> None:
        """Wait until everything sent is acknowledged. Raises DeliveryError."""
        if self._in_flight:
            self._producer.flush(timeout=self._wait_s)
        while self._in_flight:
            self._settle_oldest(wait=True)

    def close(self, timeout_s: float = 1.0) -> None:
        """Disconnect, waiting up to `timeout_s` for records in flight."""
        self._producer.close(timeout=timeout_s)

    def _settle_oldest(self, wait: bool) -> None:
        future, size, position = self._in_flight[0]
        try:
            future.get(timeout=self._wait_s if wait else 0)
        except KafkaError as error:
            raise DeliveryError(
                f"record {self.acknowledged + 1} was not accepted: {type(error).__name__}: {error}"
            ) from None
        self._in_flight.popleft()
        self._in_flight_bytes -= size
        self.acknowledged += 1
        self.position = position
