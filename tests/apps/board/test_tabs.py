"""Any number of tabs of one browser share one connection to the board, and no tab depends on another."""

import asyncio

import pytest

from tests.apps.board.chromium import chromium_page
from tests.apps.board.running_board import until
from tests.apps.board.test_freshness import READY, WITHOUT_WORKER

TABS = 10


def score(value: int) -> str:
    return f"#tile-16\\.71[data-score='{value}']"


async def all_show(pages, value: int) -> None:
    await asyncio.gather(*(page.wait_for_selector(score(value), state="attached") for page in pages))


async def test_ten_tabs_share_one_stream_and_outlive_the_first(alone):
    alone.write(score=10)
    async with chromium_page() as first:
        pages = [first]
        for number in range(TABS):
            page = pages[-1] if number == 0 else await first.context.new_page()
            await page.goto(alone.board.url)
            await page.wait_for_selector(READY)
            pages += [page] if number else []
        await all_show(pages, 10)
        assert alone.board.broadcaster.viewers == 1
        alone.write(score=20)
        await all_show(pages, 20)
        for page in pages:  # a click still reaches the board
            await page.evaluate("location.hash = '16.71'")
            await page.wait_for_selector("#detail .parts")
        await first.close()
        frozen = await pages[1].context.new_cdp_session(pages[1])
        await frozen.send("Page.setWebLifecycleState", {"state": "frozen"})
        alone.write(score=30)
        await all_show(pages[2:], 30)
        assert alone.board.broadcaster.viewers == 1
        alone.board.viewers.close()  # the connection ends and comes back for all
        alone.write(score=40)
        await all_show(pages[2:], 40)
        await frozen.send("Page.setWebLifecycleState", {"state": "active"})
        await all_show(pages[1:2], 40)
        for page in pages[1:]:
            await page.close()
        await until(lambda: alone.board.broadcaster.viewers == 0, "nobody is connected any more")


async def test_a_tab_that_comes_later_has_all_that_the_first_one_has(alone):
    alone.write(score=10)
    async with chromium_page() as first:
        await first.goto(alone.board.url)
        await first.wait_for_selector(READY)
        for value in (50, 60):
            alone.write("16.71", score=value)
            await first.wait_for_selector(score(value))
        second = await first.context.new_page()
        await second.goto(alone.board.url)
        await second.wait_for_selector(score(60))
        tiles = "() => document.querySelector('#map').innerText"
        assert await first.evaluate(tiles) == await second.evaluate(tiles)
        assert alone.board.broadcaster.viewers == 1


@pytest.mark.parametrize("broken", ["SharedWorker = class { constructor() { throw new Error() } }", WITHOUT_WORKER])
async def test_without_a_shared_worker_only_visible_tabs_are_connected(alone, broken):
    alone.write(score=10)
    async with chromium_page() as page:
        await page.add_init_script(broken)
        await page.goto(alone.board.url)
        await page.wait_for_selector(score(10))
        assert alone.board.broadcaster.viewers == 1
        hide = """(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
            document.dispatchEvent(new Event('visibilitychange')); }"""
        await page.evaluate(hide, True)
        await until(lambda: alone.board.broadcaster.viewers == 0, "a hidden tab lets go")
        alone.write(score=20)
        await page.evaluate(hide, False)
        await page.wait_for_selector(score(20))
