"""The board behind a proxy that gives it a path: every address of the page is relative."""

import contextlib
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

from tests.apps.board.boards import BoardWithoutKafka
from tests.apps.board.chromium import chromium_page
from tests.apps.board.test_freshness import READY, state

PUBLIC = "127.0.0.1"  # the name that viewers open, at the proxy's port


@contextlib.asynccontextmanager
async def proxied(**boards: str) -> AsyncIterator[str]:
    """A proxy that passes everything below a path on to the board of that name, and knows nothing else."""
    async with aiohttp.ClientSession(auto_decompress=False, read_bufsize=1 << 22) as session:

        async def forward(request: web.Request) -> web.StreamResponse:
            target = (
                boards[request.match_info["name"]]
                + request.match_info["rest"]
                + (f"?{request.query_string}" if request.query_string else "")
            )
            kept = ("Accept", "Accept-Encoding", "Last-Event-ID", "If-None-Match", "Origin")
            headers = {name: request.headers[name] for name in kept if name in request.headers}
            async with session.get(target, headers=headers) as answer:
                response = web.StreamResponse(status=answer.status)
                for name in ("Content-Type", "Content-Encoding", "Content-Security-Policy", "ETag", "Cache-Control"):
                    if name in answer.headers:
                        response.headers[name] = answer.headers[name]
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                return response

        app = web.Application()
        app.router.add_get("/ruang/{name}/{rest:.*}", forward)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/ruang/"
        finally:
            await runner.cleanup()


async def test_all_of_the_page_loads_below_a_path():
    async with (
        BoardWithoutKafka(board_hosts=PUBLIC) as alone,
        proxied(siaga=alone.board.url) as url,
        chromium_page() as page,
    ):
        alone.write(score=10)
        missed = []
        page.on("response", lambda answer: missed.append(answer.url) if answer.status >= 400 else None)
        page.on("requestfailed", lambda request: missed.append(request.url))
        await page.goto(url + "siaga/")
        await page.wait_for_selector(READY)
        await state(page, "live")
        assert await page.eval_on_selector(".mark", "image => image.complete && image.naturalWidth > 0")
        await page.click("#tile-16\\.71")
        await page.wait_for_selector("#detail .parts")
        assert await page.get_attribute("#detail .note a", "href") == "api/regency/16.71"
        alone.write(score=20)
        await page.wait_for_selector("#detail .big-score:text-is('20')")
        await page.keyboard.press("Escape")
        assert page.url == url + "siaga/"
        assert not missed


async def test_two_deployments_behind_one_name_share_nothing():
    async with (
        BoardWithoutKafka(board_hosts=PUBLIC) as one,
        BoardWithoutKafka(board_hosts=PUBLIC) as other,
        proxied(satu=one.board.url, dua=other.board.url) as url,
        chromium_page() as first,
    ):
        second = await first.context.new_page()
        for board, page, name, score in ((one, first, "satu", 11), (other, second, "dua", 22)):
            board.board.broadcaster._facts["deployment"] = name
            board.write(score=score)
            await page.goto(f"{url}{name}/")
            await page.wait_for_selector(f"#tile-16\\.71[data-score='{score}']")
            assert name in await page.inner_text("#foot"), "the page names its deployment"
        one.write(score=12)
        await first.wait_for_selector("#tile-16\\.71[data-score='12']")
        assert await second.get_attribute("#tile-16\\.71", "data-score") == "22"
        assert (one.board.broadcaster.viewers, other.board.broadcaster.viewers) == (1, 1)
