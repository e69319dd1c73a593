"""A receiver of webhooks on a free loopback port, which answers as a test tells it and remembers what came."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from aiohttp import web


@dataclass(frozen=True)
class Post:
    """One request as it came. `at` is the monotonic clock, seconds."""

    key: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def regency(self) -> str:
        return orjson.loads(self.body)["regency"]


@dataclass
class Receiver:
    """`answers` decides by the post and how often its key has come before; a status, or one with headers, or None to
    hold on.
    """

    answers: Callable[[Post, int], int | tuple[int, dict[str, str]] | None] = lambda post, before: 200
    posts: list[Post] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    @property
    def keys(self) -> list[str]:
        return [post.key for post in self.posts]

    def kept(self) -> list[Post]:
        """What a receiver that goes by the idempotency key counts: the first post of each."""
        return list({post.key: post for post in reversed(self.posts)}.values())[::-1]

    async def hook(self, request: web.Request) -> web.Response:
        post = Post(request.headers["Idempotency-Key"], dict(request.headers), await request.read(), time.monotonic())
        before = self.keys.count(post.key)
        self.posts.append(post)
        answer = self.answers(post, before)
        if answer is None:
            await self.release.wait()
            answer = 200
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        return web.Response(status=status, headers=headers)

    async def other(self, request: web.Request) -> web.Response:
        self.elsewhere.append(request.path)
        return web.Response()


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.hook)
    app.router.add_route("*", "/{path:.*}", receiver.other)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        receiver.release.set()
        await runner.cleanup()
