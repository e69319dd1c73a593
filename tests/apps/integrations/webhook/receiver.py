"""An HTTP receiver of webhooks on a free loopback port: records posts and answers as the test decides."""

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
    """One request. `at` is monotonic time in seconds."""

    key: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def regency(self) -> str:
        return orjson.loads(self.body)["regency"]


@dataclass
class Receiver:
    """`answers` maps a post and the number of earlier posts with its key to a status, or a status with headers; None
    delays the answer until `release` is set."""

    answers: Callable[[Post, int], int | tuple[int, dict[str, str]] | None] = lambda post, before: 200
    posts: list[Post] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    @property
    def keys(self) -> list[str]:
        return [post.key for post in self.posts]

    def kept(self) -> list[Post]:
        """The first post of each idempotency key: what a receiver that deduplicates counts."""
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
