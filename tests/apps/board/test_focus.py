"""An update leaves focus, scrolling and selection where they are: what is shown is changed in place."""

from tests.apps.board.boards import BoardWithoutKafka
from tests.apps.board.chromium import chromium_page
from tests.apps.board.records import escalation
from tests.apps.board.test_freshness import opened

FOCUSED = """() => { const e = document.activeElement;
    return e.id || e.dataset.key || e.closest('[data-key]')?.dataset.key || e.tagName; }"""
PLACES = {
    "a tile": ("#tile-16\\.02", ""),
    "a level": ("#levels [data-value=normal]", ""),
    "a data status": ("#statuses [data-value=live]", ""),
    "an escalation": ("#feed li:nth-child(3) button", ""),
    "a row of the table": ("#table tr[data-code='16.05'] button", "v"),
    "a neighbour": ("#detail .near:nth-child(2)", "16.71"),
    "the details' close button": ("#detail .close", "16.71"),
    "the link to the JSON": ("#detail .note a", "16.71"),
}


def change(board: BoardWithoutKafka, number: int) -> None:
    """Every row has another score, so the table has another order; a new escalation heads the list."""
    for place, code in enumerate(sorted(board.board.roster)):
        board.write(code, score=(number * 37 + place * 11) % 90, minute=number)
    board.escalate(escalation("16.71", minute=number))


async def changed(page, board: BoardWithoutKafka, number: int) -> None:
    change(board, number)
    wanted = str(board.board.state.rows["16.71"]["score"])
    await page.wait_for_selector(f"#tile-16\\.71[data-score='{wanted}']", state="attached")
    await page.wait_for_function(f"() => document.querySelectorAll('#feed .escalation').length >= {number + 1}")


async def test_focus_stays_through_updates_and_a_snapshot(alone):
    for number in range(4):
        change(alone, number)
    async with chromium_page() as page:
        await opened(page, alone)
        for place, (selector, way) in PLACES.items():
            if way == "v":
                await page.keyboard.press("v")
            else:
                await page.evaluate(f"location.hash = '{way}'")
            await page.wait_for_selector(selector)
            await page.focus(selector)
            before = await page.evaluate(FOCUSED)
            first = len(alone.board.state.escalations())
            for number in (first, first + 1):
                alone.board.state.is_new = number % 2 == 0  # a snapshot, as after a reconnect
                await changed(page, alone, number)
                if "." in way:
                    score = str(alone.board.state.rows[way]["score"])
                    await page.wait_for_selector(f".big-score:text-is('{score}')")
                assert await page.evaluate(FOCUSED) == before, (place, number)
            if way:
                await page.keyboard.press("v" if way == "v" else "Escape")


async def test_lists_stay_scrolled_where_they_are(alone):
    for number in range(40):
        change(alone, number)
    async with chromium_page(viewport={"width": 1200, "height": 700}) as page:
        await opened(page, alone, "#16.71")
        await page.wait_for_selector("#detail .history")
        await page.evaluate("document.querySelector('#detail').scrollTop = 300")
        await changed(page, alone, 40)
        await page.wait_for_function("() => document.querySelectorAll('#detail .history li').length >= 20")
        assert await page.evaluate("document.querySelector('#detail').scrollTop") > 200
        await page.keyboard.press("Escape")
        seen = """() => { const list = document.querySelector('#feed'); const { top } = list.getBoundingClientRect();
            return [...list.children].find((item) => item.getBoundingClientRect().top >= top)?.dataset.id; }"""
        await page.evaluate("document.querySelector('#feed').scrollTop = 900")
        before = await page.evaluate(seen)
        await changed(page, alone, 41)
        assert await page.evaluate(seen) == before


async def test_focus_of_what_goes_away_moves_to_its_list(alone):
    alone.write(score=10)
    alone.write("16.71", score=80, level="awas")
    async with chromium_page() as page:
        await opened(page, alone)
        await page.click("#levels [data-value=awas]")
        await page.focus("#tile-16\\.71")
        alone.write("16.02", score=81, level="awas")
        await page.wait_for_selector("#tile-16\\.02[data-level=awas]")
        alone.write("16.71", score=10, level="normal")
        await page.wait_for_function("() => document.activeElement.id === 'tile-16.02'")
