"""The page in a real Chromium, on a board that reads a real broker."""

import time

import pytest

from apps.board.server import Board
from apps.language.catalogue import capitalized, words_in
from schemas.roster import Roster
from schemas.vocabulary import LEVELS
from tests.apps.board.chromium import chromium_page
from tests.apps.board.records import at, current_row, escalation, evidence, pair, row
from tests.apps.board.running_board import RunningBoard, until

READY = "html[data-ready=true]"
ROSTER = Roster.default()
TILES = """() => Object.fromEntries([...document.querySelectorAll('.tile')].map((tile) =>
    [tile.dataset.code, [tile.dataset.level, tile.dataset.score, tile.dataset.status]]))"""
FEED = "() => [...document.querySelectorAll('#feed .escalation')].map((item) => item.dataset.id)"


def mixed_rows() -> list[dict]:
    """A row for every regency but one, all levels and data statuses among them."""
    codes = sorted(ROSTER)[:-1]
    return [
        row(
            code,
            name=ROSTER[code].name,
            level=LEVELS[number % 4],
            score=(number * 13) % 100,
            data_status=("live", "live", "live", "stale", "silent")[number % 5],
        )
        for number, code in enumerate(codes)
    ]


async def opened(page, running: RunningBoard, path: str = "") -> None:
    await page.goto(running.board.url + path)
    await page.wait_for_selector(READY)


async def test_a_loaded_page_shows_the_state_of_the_board(running, page):
    alarms = [escalation(code, minute=number) for number, code in enumerate(("16.01", "16.71", "16.02"))]
    for alarm in alarms:
        await running.write(escalations=[alarm])
    await running.load(rows=mixed_rows())
    await opened(page, running)
    shown = await page.evaluate(TILES)
    wanted = {item["regency"]: [item["level"], str(item["score"]), item["data_status"]] for item in mixed_rows()}
    assert shown == wanted | {max(ROSTER): ["none", "", "none"]}
    await _shows_every_row(page)
    newest_first = [item["escalation_id"] for item in running.board.state.escalations()]
    assert await page.evaluate(FEED) == newest_first
    assert sorted(newest_first) == sorted(alarm["escalation_id"] for alarm in alarms)
    counts = await page.eval_on_selector_all(
        "#levels .chip", "all => all.map(c => [c.dataset.value, +c.dataset.count])"
    )
    assert dict(counts) == {level: [item["level"] for item in mixed_rows()].count(level) for level in LEVELS}


async def _shows_every_row(page) -> None:
    """Each tile shows the level's word, the score, and the data status unless it is live."""
    words = words_in("en")
    for item in mixed_rows():
        text = await page.inner_text(f"#tile-{item['regency'].replace('.', chr(92) + '.')} .tile-body")
        is_live = item["data_status"] == "live"
        question_mark = "?" if item["data_status"] == "silent" else ""
        assert text.split("\n")[0] == capitalized(words.text("level", item["level"])) + question_mark, (item, text)
        assert text.split("\n")[1] == str(item["score"]), (item, text)
        assert is_live or capitalized(words.text("data_status", item["data_status"])) in text, (item, text)


async def test_an_update_shows_within_a_second_of_its_commit(running, page):
    await running.load(rows=[row("16.71", score=10)])
    await opened(page, running)
    delays = []
    for score in (41, 42, 43):
        await running.write(rows=[row("16.71", score=score, level="waspada")])
        committed = time.monotonic()
        await page.wait_for_selector(f"#tile-16\\.71[data-score='{score}'][data-level=waspada]")
        delays.append(time.monotonic() - committed)
    assert sorted(delays)[1] < 1.0, delays


async def test_reconnecting_loses_nothing(running, page):
    first = escalation("16.71", level="awas", previous_level="siaga")
    await running.load(rows=[row("16.71", score=80, level="awas")], escalations=[first])
    await opened(page, running)
    await until(lambda: running.board.broadcaster.viewers == 1, "the page is connected")
    missed = []
    for score in (81, 82, 83):
        running.board.viewers.close()  # every live connection ends
        missed.append(escalation("16.02", minute=score))
        await running.write(rows=[row("16.71", score=score, level="awas")], escalations=[missed[-1]])
        await page.wait_for_selector(f"#tile-16\\.71[data-score='{score}']")
    wanted = [item["escalation_id"] for item in (*reversed(missed), first)]
    await page.wait_for_function(f"() => document.querySelectorAll('#feed .escalation').length === {len(wanted)}")
    assert await page.evaluate(FEED) == wanted
    await page.wait_for_selector("#link[data-state=live]")


async def test_a_restarted_board_sends_a_snapshot(broker, fresh_prefix, free_port):
    running = RunningBoard(broker.bootstrap, fresh_prefix)
    running.settings = running.settings.model_copy(update={"board_port": free_port})
    running.board = Board(running.settings, ROSTER)
    async with running, chromium_page() as page:
        await running.load(rows=[row("16.71", score=10)])
        await opened(page, running)
        await running._serving.__aexit__(None, None, None)
        await page.wait_for_selector("#link[data-state=lost]")
        await page.wait_for_selector("#banner:not([hidden])")
        running.board = Board(running.settings, ROSTER)
        running._serving = running.board.serving()
        await running._serving.__aenter__()
        await running.write(rows=[row("16.71", score=55, level="siaga")], escalations=[escalation()])
        await page.wait_for_selector("#tile-16\\.71[data-score='55']", timeout=30_000)
        await page.wait_for_selector("#feed .escalation")
        await page.wait_for_selector("#link[data-state=live]")


async def test_stale_and_silent_tiles_say_so_with_their_age(running, page):
    await running.load(
        rows=[
            row("16.71", name="Kota Palembang", data_status="silent", since=at(-90), level="normal"),
            current_row("16.01", data_status="stale", minute=240),
            current_row("16.02", minute=190),
        ],
        escalations=[escalation("16.01", change="stale", minute=200, reason="silence")],
    )
    for minute in (200, 240):
        await running.load(rows=[current_row("16.02", data_status="stale", minute=minute)])
    await opened(page, running)
    silent, stale = page.locator("#tile-16\\.71"), page.locator("#tile-16\\.02")
    assert "Silent 1 h 30 min" in await silent.inner_text()
    assert "Normal?" in await silent.inner_text(), "a silent regency's level is marked as unknown"
    assert "Silent 1 h 30 min" in await silent.locator(".hidden").text_content()
    # Data is stale three hours after the last report: 40 minutes before the row, and three hours.
    assert "Stale 3 h 40 min" in await stale.inner_text()
    assert "Stale over 3 h 40 min" in await page.inner_text("#tile-16\\.01"), "the board did not see the change"
    for tile in (silent, stale):
        assert "repeating-linear-gradient" in await tile.evaluate("t => getComputedStyle(t).backgroundImage")


async def test_keys_move_open_close_and_filter(running, page):
    await running.load(rows=mixed_rows(), escalations=[escalation("16.13", level="awas")])
    await opened(page, running)
    await page.focus(".tile[tabindex='0']")
    assert await page.locator(".tile[tabindex='0']").count() == 1, "one tab stop for the whole map"
    before = await page.evaluate("document.activeElement.dataset.code")
    await page.keyboard.press("ArrowRight")
    code = await page.evaluate("document.activeElement.dataset.code")
    assert code != before
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#detail:not([hidden]) h2")
    assert await page.inner_text("#detail .code") == code
    await page.keyboard.press("Escape")
    await page.wait_for_selector("#detail", state="hidden")
    assert await page.evaluate("document.activeElement.dataset.code") == code
    await page.keyboard.press("/")
    await page.keyboard.type("palembang")
    await page.wait_for_function("() => document.querySelectorAll('.tile:not(.off)').length === 1")
    await page.keyboard.press("Escape")
    await page.wait_for_function("() => document.querySelectorAll('.tile.off').length === 0")


async def test_a_regency_shows_its_components_and_evidence(running, page):
    parts = {"security": 40, "integrity": 0, "supply": 1, "process": 9, "turnout": 3, "neighbours": 0, "prior": 2}
    await running.load(
        rows=[row("16.71", score=55, level="siaga", components=parts)], escalations=[escalation("16.71", score=55)]
    )
    await opened(page, running, "#16.71")
    await page.wait_for_selector("#detail .parts")
    shown = await page.eval_on_selector_all(
        "#detail .parts li", "all => all.map(p => [p.dataset.part, +p.dataset.value])"
    )
    assert dict(shown) == parts
    text = await page.inner_text("#detail")
    for piece in (
        "Sum: 55 of score 55", "More reports than usual here", "odds 0.70", "Unverified", "Police", "KPU", "Clash",
        "polda/i-1", "told by polda",
        "40 / 100", "45%", "1 late, 2 exercise, 3 duplicate, 5 surplus, 6 id reused",
        "sumsel-pilkada-2024@1", "partition 1, offset 42",
    ):  # fmt: skip
        assert piece in text, piece
    await running.write(rows=[row("16.71", score=61, level="siaga")])
    await page.wait_for_function("() => document.querySelector('#detail .big-score').textContent === '61'")


async def test_a_regency_names_whose_words_stand_and_what_may_be_one(running, page):
    told = evidence("polda", "urn:c/142", agencies=["bawaslu", "polda"], sources=["bawaslu-desk", "polda"])
    pairs = [pair(("polda", "urn:c/142"), ("bpbd", f"00{number}")) for number in range(10)]
    await running.load(
        rows=[row("16.71", level="siaga", candidates=12, candidate_pairs=pairs)],
        escalations=[escalation("16.71", evidence=[told])],
    )
    await opened(page, running, "#16.71")
    await page.wait_for_selector("#detail .pairs-named")
    named = await page.eval_on_selector_all("#detail .pairs-named li", "all => all.map(p => p.textContent)")
    assert named == [f"polda/urn:c/142 ↔ bpbd/00{number}" for number in range(10)]
    text = await page.inner_text("#detail")
    for piece in ("told by bawaslu, polda", "12 pairs of numbers", "newest 10", "Conflicting", "Not in the station"):
        assert piece in text, piece
    await running.write(rows=[row("16.71", level="siaga", score=8, candidates=0, candidate_pairs=[])])
    await page.wait_for_function("() => !document.querySelector('#detail .pairs-named')")


async def test_the_reason_of_a_level_is_its_raise_not_a_later_fall(running, page):
    raised = escalation(
        level="awas", previous_level="siaga", reason="grave_incident", evidence=[evidence(incident_id="i-9")]
    )
    lowered = escalation(level="siaga", previous_level="awas", change="lowered", reason="calm", evidence=[], minute=40)
    await running.write(rows=[row("16.71", score=55, level="siaga")], escalations=[raised])
    await running.load(escalations=[lowered])
    await opened(page, running, "#16.71")
    await page.wait_for_selector("#detail .why")
    words = words_in("en")
    await page.wait_for_function("() => document.querySelectorAll('#detail .history li').length === 2")
    assert await page.inner_text("#detail .why") == capitalized(words.text("reason", "grave_incident"))
    text = await page.inner_text("#detail")
    assert capitalized(words.text("reason", "calm")) in text and "i-9" in text


async def test_odds_are_shown_as_the_language_writes_them_and_not_where_there_are_none(running, page):
    fallen = escalation("16.01", change="lowered", reason="calm", odds=None)
    await running.load(rows=[row("16.71"), row("16.01")], escalations=[escalation("16.71", odds=0.7), fallen])
    await opened(page, running)
    await page.wait_for_selector("#feed .tag.odds")
    assert await page.eval_on_selector_all("#feed .tag.odds", "all => all.map(tag => tag.textContent)") == ["odds 0.70"]
    await page.click("#language")
    assert await page.inner_text("#feed .tag.odds") == "peluang nyata 0,70"


async def test_a_new_escalation_is_announced_to_screen_readers(running, page):
    await running.load(rows=[row("16.71")])
    await opened(page, running)
    await running.write(escalations=[escalation("16.71", name="Kota Palembang", level="awas", previous_level="siaga")])
    await page.wait_for_function("() => document.querySelector('#say-now').textContent.includes('Kota Palembang')")
    assert "Danger" in await page.inner_text("#say-now")


async def test_the_page_changes_its_language(running, page):
    await running.ready()
    await opened(page, running)
    assert await page.inner_text("#feed-title") == "Escalations"
    await page.click("#language")
    assert await page.inner_text("#feed-title") == "Eskalasi"
    assert await page.get_attribute("html", "lang") == "id"


async def test_the_page_requests_nothing_from_other_hosts(running, page):
    await running.load(rows=mixed_rows())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await opened(page, running, "#16.71")
    await page.wait_for_selector("#detail .parts")
    assert asked and all(url.startswith(running.board.url) for url in asked)


@pytest.mark.parametrize("width", [390, 768, 1440, 3840])
async def test_nothing_overflows_sideways(running, width):
    async with chromium_page(viewport={"width": width, "height": 2160 if width == 3840 else 900}) as page:
        await running.load(rows=mixed_rows(), escalations=[escalation("16.71")])
        await opened(page, running)
        for language in range(2):
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, language
            clipped = "all => all.filter(t => t.scrollWidth > t.clientWidth + 1).map(t => t.textContent)"
            assert await page.eval_on_selector_all(".tile-top, .chip, .pill, .clock", clipped) == []
            await page.click("#language")
