"""One HTTP POST of one escalation, and what its answer means: taken, refused for good, or to be tried again."""

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
BACKOFF_MOST_S = 60.0
RETRY_AFTER_MOST_S = 3600.0
#: 4xx that speak of the moment, not of the message: request timeout, too early, too many requests.
PASSING = frozenset({408, 425, 429})


class Outcome(StrEnum):
    TAKEN = "taken"
    REFUSED = "refused"
    AGAIN = "again"


class Answer(NamedTuple):
    """What became of a try. `retry_after_s` is what the receiver asks for, None when it says nothing."""

    outcome: Outcome
    said: str
    retry_after_s: float | None = None


class Poster:
    """Posts to one target. Redirects are not followed, certificates are checked, no proxy of the environment is used."""

    def __init__(self, session: aiohttp.ClientSession, target: Target, signer: Signer, timeout_s: float) -> None:
        self._session, self._target, self._signer = session, target, signer
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def post(self, escalation_id: str, body: bytes) -> Answer:
        """Try once; the body is the record's value, byte for byte."""
        headers = self._headers(escalation_id, body)
        try:
            async with self._session.post(
                self._target.url, data=body, headers=headers, allow_redirects=False, timeout=self._timeout
            ) as response:
                return answer_of(response.status, response.headers.get("Retry-After"))
        except TimeoutError:
            return Answer(Outcome.AGAIN, f"no answer within {self._timeout.total:g} s")
        except aiohttp.ClientError as error:
            return Answer(Outcome.AGAIN, type(error).__name__)  # its text may hold the URL

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


def answer_of(status: int, retry_after: str | None, now: Callable[[], float] = time.time) -> Answer:
    """2xx is taken; 5xx and a few 4xx are tried again; all else, a redirect too, is refused."""
    said = f"status {status}"
    if 200 <= status < 300:
        return Answer(Outcome.TAKEN, said)
    if status >= 500 or status in PASSING:
        return Answer(Outcome.AGAIN, said, _seconds(retry_after, now))
    return Answer(Outcome.REFUSED, said)


def pause_s(tries: int, retry_after_s: float | None, chance: Callable[[], float] = random.random) -> float:
    """Seconds to wait after the n-th failed try: doubling, half of it by chance, never less than the receiver asks for."""
    longest = min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0 ** min(tries - 1, 16))
    return max(longest * (0.5 + chance() / 2), retry_after_s or 0.0)


def _seconds(retry_after: str | None, now: Callable[[], float]) -> float | None:
    """Retry-After as seconds (RFC 9110, section 10.2.3): a number or a date; None when it is neither."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), RETRY_AFTER_MOST_S)
    try:
        moment = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, moment - now()), RETRY_AFTER_MOST_S)
