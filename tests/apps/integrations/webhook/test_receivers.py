"""One attempt against receivers of every kind, each a real server on loopback: whatever it does becomes an answer in
bounded time, and no answer holds anything of the URL's path."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from apps.embedded.ports import free_port
from apps.integrations.webhook.http_attempt import Answer, Poster
from apps.integrations.webhook.signing import SecretError, Signer
from apps.integrations.webhook.target import parse_target
from tests.apps.integrations.webhook.receiver import receiving
from tests.security import certificates
from tests.security.certificates import Authority

TIMEOUT_S = 0.6
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#: What a test waits at most for an attempt; ten times the load must fit in.
BOUND_S = 30.0

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def peer(serve: Peer, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A raw server that reads the request's head and then does what `serve` does; its URL."""

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook-token"
    finally:
        server.close()


async def attempt(url: str, ca: Path | None = None, timeout_s: float = TIMEOUT_S) -> Answer:
    context = ssl.create_default_context(cafile=ca) if ca else True
    connector = aiohttp.TCPConnector(force_close=True, ssl=context)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
        poster = Poster(session, parse_target(url, False), lambda: Signer((b"k" * 32,)), timeout_s)
        async with asyncio.timeout(BOUND_S):
            answer = await poster.post("a" * 32, b'{"x": 1}')
    assert "token" not in answer.detail and "\n" not in answer.detail
    return answer


async def says(writer: asyncio.StreamWriter, content: bytes, pause_s: float = 0.0) -> None:
    for number in range(len(content)):
        writer.write(content[number : number + 1])
        await writer.drain()
        await asyncio.sleep(pause_s)


async def _never(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(BOUND_S)


async def _slow_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await says(writer, OK, 1.0)


async def _endless_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-more: %s\r\n" % (b"y" * 1000))
        await writer.drain()


async def _cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK[:10])
    await writer.drain()


async def _gone(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()  # a reset in the middle of the exchange


async def _no_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.org ESMTP\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    ("serve", "reasons"),
    [
        (_never, {"no_answer"}),
        (_slow_head, {"no_answer"}),
        (_endless_head, {"malformed", "no_answer", "cut"}),
        (_cut, {"cut", "malformed"}),
        (_gone, {"cut"}),
        (_no_http, {"malformed"}),
    ],
    ids=["never-answers", "a-byte-a-second", "endless-head", "answer-cut", "reset", "no-http"],
)
async def test_no_success_without_a_whole_status_and_head(serve: Peer, reasons: set[str]):
    async with peer(serve) as url:
        answer = await attempt(url)
    assert answer.reason in reasons and not answer.accepted and answer.reached


async def test_a_body_without_end_and_a_slow_one_are_not_waited_for():
    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            await writer.drain()

    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        await says(writer, b"x" * 100, 1.0)

    for serve in (endless, slow):
        async with peer(serve) as url:
            assert (await attempt(url, timeout_s=BOUND_S / 2)).accepted


async def test_a_connection_that_is_accepted_and_then_silent_ends_with_the_timeout():
    """Half open: the kernel completes the connection, nobody reads it, no reset ever comes."""

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(BOUND_S)
        writer.close()  # from Python 3.13 on a writer that nobody holds closes by itself

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    try:
        answer = await attempt(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook-token")
    finally:
        server.close()
    assert answer.reason == "no_answer" and answer.duration_ms >= TIMEOUT_S * 500


async def test_a_late_success_counts_as_no_answer_and_the_next_attempt_has_the_same_id():
    """The receiver has both: it can tell by the id that they are one."""
    async with receiving() as receiver:
        receiver.answers = lambda post, before: 200 if before else None
        assert (await attempt(receiver.url)).reason == "no_answer"
        receiver.release.set()
        assert (await attempt(receiver.url)).accepted
        assert len(receiver.posts) == 2 and len(set(receiver.keys)) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_to_this_host_or_another(status: int):
    async with receiving() as here, receiving() as there:
        for location in (here.url.replace("/hook", "/other"), there.url):
            here.answers = lambda post, before, to=location: (status, {"Location": to})
            answer = await attempt(here.url)
            assert answer.reason == "redirect" and "never followed" in answer.advice
        assert here.elsewhere == [] and there.posts == [] and there.elsewhere == []


async def test_nobody_listens_and_a_host_without_a_name():
    refused = await attempt(f"http://127.0.0.1:{free_port()}/hook-token")
    assert refused.reason == "unreachable" and not refused.reached
    unknown = await attempt("https://receiver.invalid/hook-token", timeout_s=BOUND_S / 2)
    assert unknown.reason in ("unknown_host", "unreachable") and not unknown.reached


def _server(authority: Authority, address: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("receiver", address))
    return context


async def test_a_certificate_of_an_unknown_authority_of_another_name_or_expired_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    authority, other = Authority(tmp_path / "ca"), Authority(tmp_path / "other", "another CA")

    async def answer_of(server: ssl.SSLContext) -> Answer:
        async with receiving(server) as receiver:
            answer = await attempt(receiver.url, ca=authority.ca, timeout_s=BOUND_S / 2)
            assert bool(receiver.posts) == answer.accepted
            return answer

    assert (await answer_of(_server(authority, "127.0.0.1"))).accepted
    unknown = await answer_of(_server(other, "127.0.0.1"))
    name = await answer_of(_server(authority, "127.0.0.2"))
    monkeypatch.setattr(certificates, "_unsigned", _expired(certificates._unsigned))
    expired = await answer_of(_server(authority, "127.0.0.1"))
    for answer, word in ((unknown, "issuer"), (name, "127.0.0.1"), (expired, "expired")):
        assert answer.reason == "tls" and word in answer.detail and not answer.reached, answer


def _expired(unsigned: Callable[..., object]) -> Callable[..., object]:
    def make(*arguments: object) -> object:
        builder = unsigned(*arguments)
        builder._not_valid_before = datetime.datetime(2020, 1, 1)
        builder._not_valid_after = datetime.datetime(2020, 1, 2)
        return builder

    return make


async def test_tls_with_a_receiver_that_has_none():
    async with receiving() as receiver:
        answer = await attempt(receiver.url.replace("http://", "https://"), timeout_s=BOUND_S / 2)
    assert answer.reason == "tls" and not answer.reached


async def test_a_secret_that_was_changed_is_read_again_when_the_receiver_does_not_know_the_signature():
    keys, loaded = [b"o" * 32, b"n" * 32], []

    def load() -> Signer:
        if len(loaded) == 2:
            raise SecretError("SIAGA_WEBHOOK_SECRET_FILE: /secret: empty")
        loaded.append(keys[len(loaded)])
        return Signer((loaded[-1],))

    async with receiving() as receiver, aiohttp.ClientSession(trust_env=False) as session:
        receiver.answers = lambda post, before: 401
        poster = Poster(session, parse_target(receiver.url, False), load, BOUND_S)
        for _ in range(3):
            assert (await poster.post("a" * 32, b"{}")).reason == "unauthorized"
        for post, key in zip(receiver.posts, [keys[0], keys[1], keys[1]], strict=True):
            signed = Signer((key,)).signature("a" * 32, int(post.headers["webhook-timestamp"]), b"{}")
            assert post.headers["webhook-signature"] == signed
