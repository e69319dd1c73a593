"""One attempt to POST an escalation, what its answer means, and how long to wait before the next attempt."""

import email.utils
import logging
import random
import ssl
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import aiohttp

from apps.integrations.webhook.signing import SecretError, Signer
from apps.integrations.webhook.target import Target
from schemas.notification import AnswerReason, AttemptAnswer

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 60.0
#: A receiver that asks for more is asked again after this: an hour of silence about a regency is not its to choose.
RETRY_AFTER_MAX_S = 300.0
#: Share of the time for an answer in which the connection must be there.
CONNECT_SHARE = 0.5

#: The first matching row decides. Only 2xx is a success; everything else is tried again.
REASONS: tuple[tuple[range, AnswerReason], ...] = (
    (range(200, 300), AnswerReason.ACCEPTED),
    (range(300, 400), AnswerReason.REDIRECT),
    (range(401, 402), AnswerReason.UNAUTHORIZED),
    (range(403, 404), AnswerReason.UNAUTHORIZED),
    (range(404, 405), AnswerReason.NOT_FOUND),
    (range(410, 411), AnswerReason.NOT_FOUND),
    (range(408, 409), AnswerReason.NO_ANSWER),
    (range(425, 426), AnswerReason.TOO_MANY_REQUESTS),
    (range(429, 430), AnswerReason.TOO_MANY_REQUESTS),
    (range(400, 500), AnswerReason.CLIENT_ERROR),
    (range(500, 1000), AnswerReason.SERVER_ERROR),
)

#: What people do about an answer.
ADVICE: dict[AnswerReason, str] = {
    AnswerReason.REDIRECT: "redirects are never followed: ask the receiver for its new address and set the URL to it",
    AnswerReason.UNAUTHORIZED: "compare the signing secret and the token of the URL with the receiver's",
    AnswerReason.NOT_FOUND: "compare the URL with the receiver's",
    AnswerReason.CLIENT_ERROR: "ask the receiver's owner why it refuses the message",
    AnswerReason.TOO_MANY_REQUESTS: "ask the receiver's owner to let more through",
    AnswerReason.SERVER_ERROR: "call the receiver's owner",
    AnswerReason.NO_ANSWER: "call the receiver's owner; --timeout is how long an answer may take",
    AnswerReason.CUT: "call the receiver's owner",
    AnswerReason.MALFORMED: "is this the address of an HTTP server? compare scheme and port of the URL",
    AnswerReason.UNREACHABLE: "is the receiver up, and does a firewall or network policy let this host through?",
    AnswerReason.UNKNOWN_HOST: "compare the host of the URL; does this host have a name server?",
    AnswerReason.TLS: "the receiver's owner renews its certificate; a private authority goes into SSL_CERT_FILE",
    AnswerReason.UNSUPPORTED_VERSION: "upgrade this sender; the escalation waits for it",
    AnswerReason.NOT_AN_ESCALATION: "find out who wrote to the topic but the workers",
    AnswerReason.EXPIRED: "send it by hand, from the ledger",
}
#: With one of these the receiver has not seen the message, whatever it was.
_NOT_REACHED = frozenset({AnswerReason.UNREACHABLE, AnswerReason.UNKNOWN_HOST, AnswerReason.TLS})


log = logging.getLogger("siaga.webhook")


class Answer(NamedTuple):
    """The result of one attempt. `detail` holds nothing of the URL but its host; `retry_after_s` is the receiver's
    Retry-After, None without one."""

    reason: AnswerReason
    detail: str
    status: int | None = None
    retry_after_s: float | None = None
    duration_ms: int = 0

    @property
    def accepted(self) -> bool:
        """Whether the receiver has the escalation."""
        return self.reason is AnswerReason.ACCEPTED

    @property
    def reached(self) -> bool:
        """Whether the receiver may have seen the message, so that another one may fare better."""
        return self.reason not in _NOT_REACHED

    @property
    def advice(self) -> str:
        """What people do about it."""
        return ADVICE.get(self.reason, "")

    def logged(self) -> AttemptAnswer:
        """As the log of notifications keeps it."""
        return AttemptAnswer(status=self.status, reason=self.reason.value, duration_ms=self.duration_ms)


class Poster:
    """Posts to one target. Follows no redirects, checks certificates, ignores proxies of the environment. `load` reads
    the secret: at the start, and again when the receiver does not know the signature, for it may have been changed."""

    def __init__(
        self, session: aiohttp.ClientSession, target: Target, load: Callable[[], Signer], timeout_s: float
    ) -> None:
        self._session, self._target, self._load, self._signer = session, target, load, load()
        self._timeout_s = timeout_s
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=timeout_s * CONNECT_SHARE)

    async def post(self, escalation_id: str, body: bytes, order: Mapping[str, str] | None = None) -> Answer:
        """Make one attempt; whatever goes wrong becomes an answer. `order`: headers that say where it stands."""
        began = time.monotonic()
        answer = await self._answer(body, self._headers(escalation_id, body) | dict(order or {}))
        if answer.reason is AnswerReason.UNAUTHORIZED:
            self._load_again()
        return answer._replace(duration_ms=int((time.monotonic() - began) * 1000))

    async def _answer(self, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            # The body of an answer is not read: it may have no end.
            async with self._session.post(
                self._target.url, data=body, headers=headers, allow_redirects=False, timeout=self._timeout
            ) as response:
                return interpret_status(response.status, response.headers.get("Retry-After"))
        except aiohttp.ConnectionTimeoutError:
            return Answer(AnswerReason.UNREACHABLE, f"no connection within {self._timeout_s * CONNECT_SHARE:g} s")
        except TimeoutError:
            return Answer(AnswerReason.NO_ANSWER, f"no answer within {self._timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return interpret_error(error)

    def _load_again(self) -> None:
        try:
            self._signer = self._load()
        except SecretError as error:
            log.error("the secret cannot be read again, the one from before is used: %s", error)

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
    """The answer that an HTTP status means, by the table REASONS. `now` gives Unix time in seconds."""
    reason = next((reason for statuses, reason in REASONS if status in statuses), AnswerReason.MALFORMED)
    wait_s = None if reason is AnswerReason.ACCEPTED else _seconds(retry_after, now)
    return Answer(reason, f"status {status}", status if 100 <= status <= 999 else None, wait_s)


def interpret_error(error: Exception) -> Answer:
    """The answer that an error of the network means. Its own text is left out, for it may hold the URL."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Answer(AnswerReason.UNKNOWN_HOST, "its host name is not known")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
        why = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else type(cause).__name__
        return Answer(AnswerReason.TLS, f"its certificate is not trusted: {why}")
    if isinstance(error, aiohttp.ClientSSLError):
        return Answer(AnswerReason.TLS, f"no TLS with it: {type(error).__name__}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return Answer(AnswerReason.UNREACHABLE, f"no connection: {error.os_error.strerror or type(error).__name__}")
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | aiohttp.ClientPayloadError):
        return Answer(AnswerReason.CUT, "it closed the connection before it answered")
    if isinstance(error, aiohttp.ClientResponseError):
        return Answer(AnswerReason.MALFORMED, "its answer is not HTTP")
    return Answer(AnswerReason.UNREACHABLE, type(error).__name__)


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
