"""One attempt to POST an escalation, what its answer means, and how long to wait before the next attempt."""

import email.utils
import random
import time
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import aiohttp

from apps.integrations.webhook.signing import Signer
from apps.integrations.webhook.target import Target

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 60.0
RETRY_AFTER_MAX_S = 3600.0


class Action(StrEnum):
    """What to do with an escalation after an attempt."""

    COMMIT = "commit"  # the receiver has it
    REFUSE = "refuse"  # the receiver will never take it: store it, then commit
    RETRY = "retry"


#: The first matching row decides; a status in no row is refused: a redirect, and most of 4xx.
ACTIONS: tuple[tuple[range, Action], ...] = (
    (range(200, 300), Action.COMMIT),
    (range(408, 409), Action.RETRY),  # request timeout
    (range(425, 426), Action.RETRY),  # too early
    (range(429, 430), Action.RETRY),  # too many requests
    (range(500, 1000), Action.RETRY),
)


class Answer(NamedTuple):
    """The result of one attempt. `retry_after_s` is the receiver's Retry-After, None without one."""

    action: Action
    reason: str
    retry_after_s: float | None = None


class Poster:
    """Posts to one target. Follows no redirects, checks certificates, ignores proxies of the environment."""

    def __init__(self, session: aiohttp.ClientSession, target: Target, signer: Signer, timeout_s: float) -> None:
        self._session, self._target, self._signer = session, target, signer
        self._timeout_s = timeout_s
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def post(self, escalation_id: str, body: bytes) -> Answer:
        """Make one attempt; network errors become an answer."""
        headers = self._headers(escalation_id, body)
        try:
            async with self._session.post(
                self._target.url, data=body, headers=headers, allow_redirects=False, timeout=self._timeout
            ) as response:
                return interpret_status(response.status, response.headers.get("Retry-After"))
        except TimeoutError:
            return Answer(Action.RETRY, f"no answer within {self._timeout_s:g} s")
        except aiohttp.ClientError as error:
            return Answer(Action.RETRY, type(error).__name__)  # the error's text may hold the URL

    def _headers(self, escalation_id: str, body: bytes) -> dict[str, str]:
        now_s = int(time.time())
        return {
            "Content-Type": "application/json",
            "User-Agent": "siaga-webhook/1",
            "Idempotency-Key": escalation_id,
            "webhook-id": escalation_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": self._signer.signature(escalation_id, now_s, body),
        }


def interpret_status(status: int, retry_after: str | None, now: Callable[[], float] = time.time) -> Answer:
    """The answer that an HTTP status means, by the table ACTIONS. `now` gives Unix time in seconds."""
    action = next((action for statuses, action in ACTIONS if status in statuses), Action.REFUSE)
    return Answer(action, f"status {status}", _seconds(retry_after, now) if action is Action.RETRY else None)


def backoff_s(attempts: int, retry_after_s: float | None, rng: Callable[[], float] = random.random) -> float:
    """Seconds to wait after the n-th failed attempt: doubling, half of it random, at least what Retry-After asks."""
    longest = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(attempts - 1, 16))
    return max(longest * (0.5 + rng() / 2), retry_after_s or 0.0)


def _seconds(retry_after: str | None, now: Callable[[], float]) -> float | None:
    """Retry-After in seconds (RFC 9110, section 10.2.3), a number or a date, bounded; None when it is neither."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), RETRY_AFTER_MAX_S)
    try:
        moment = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, moment - now()), RETRY_AFTER_MAX_S)
