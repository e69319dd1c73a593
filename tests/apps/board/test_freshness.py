"""What shows says how old it is: every state of the page's connection, the workers and the board, on phone and desktop,
with a regency or the help open. In Chromium, without Kafka."""

import time

import orjson
import pytest

from apps.board.trouble import Trouble
from apps.language.catalogue import words_in
from tests.apps.board.boards import BoardWithoutKafka
from tests.apps.board.chromium import chromium_page
from tests.apps.board.records import at, current_row, escalation, row
from tests.apps.board.running_board import until

READY = "html[data-ready=true]"
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1440, "height": 900}}
WITHOUT_WORKER = "delete globalThis.SharedWorker"
#: What of the line at the top can be seen at its own place: another element above it would be found there instead.
SEEN = """() => [...document.querySelectorAll('.pill, .age, .banner')].filter((line) => {
    const { left, top, width, height } = line.getBoundingClientRect();
    const above = document.elementFromPoint(left + width / 2, top + height / 2);
    return width && top >= 0 && above && line.contains(above);
}).map((line) => line.textContent).join(' ')"""


@pytest.fixture
async def page(alone):
    async with chromium_page() as made:
        yield made


async def opened(page, board: BoardWithoutKafka, path: str = "") -> None:
    await page.goto(board.board.url + path)
    await page.wait_for_selector(READY)


async def state(page, name: str) -> None:
    await page.wait_for_selector(f"#link[data-state={name}]")


# The view of one regency by the wall clock: read a second ago, its row is 5 s old.
VIEW = {
    "link": {"state": "live", "sinceMs": 0}, "isOnline": True, "faultMs": 0, "isOtherBuild": False, "nowMs": 1_000_000,
    "receivedMs": 999_000, "skewMs": 0, "feed": {"status": "ok", "behind_s": 0, "unreadable": []},
    "facts": {"clock": "wall", "row_every_s": 15}, "unlisted": [],
    "rows": [{"regency": "16.01", "written_ms": 995_000}, {"regency": "16.02", "written_ms": 995_000}],
}  # fmt: skip
LOST = {"state": "lost", "sinceMs": 990_000}


def rows(*ages_s: float) -> list[dict]:
    return [{"regency": f"16.0{n}", "written_ms": 1_000_000 - age * 1000} for n, age in enumerate(ages_s, 1)]


STATES = [
    ("live", "ok", None, {}),
    ("live", "ok", None, {"rows": rows(29)}),
    ("old", "warn", 970_000, {"rows": rows(30)}),
    ("old", "warn", 881_000, {"rows": rows(119)}),
    ("dead", "bad", 880_000, {"rows": rows(120)}),
    ("late", "warn", 969_000, {"rows": rows(5, 31, 400)}),
    ("live", "ok", None, {"rows": rows(5, 400), "unlisted": ["16.02"]}),
    ("live", "ok", None, {"rows": rows(5, 400), "facts": {"clock": "event", "row_every_s": 15}}),
    ("live", "ok", None, {"rows": rows(119), "facts": {"clock": "event", "row_every_s": 15}}),
    ("old", "warn", 880_000, {"rows": rows(120), "facts": {"clock": "event", "row_every_s": 15}}),
    ("live", "ok", None, {"rows": rows(100), "facts": {"clock": "wall", "row_every_s": 60}}),
    ("live", "ok", None, {"rows": rows(-50)}),
    ("old", "warn", 970_000, {"rows": rows(30), "nowMs": 1_000, "receivedMs": 500, "skewMs": 999_000}),
    ("unreadable", "warn", None, {"feed": {"status": "ok", "unreadable": ["16.01"]}}),
    ("missed", "warn", None, {"feed": {"status": "ok", "unreadable": [], "missed_escalations": 2}}),
    ("empty", "warn", None, {"rows": []}),
    ("behind", "bad", 979_000, {"feed": {"status": "behind", "behind_s": 20, "trouble": "broker"}}),
    ("starting", "bad", None, {"feed": {"status": "starting", "behind_s": 2, "trouble": "topics"}}),
    ("lost", "bad", 990_000, {"link": LOST}),
    ("lost", "bad", 990_000, {"link": LOST, "receivedMs": 0}),
    ("connecting", "wait", None, {"link": {"state": "lost", "sinceMs": 998_000}, "receivedMs": 0}),
    ("connecting", "wait", None, {"receivedMs": 0, "feed": None, "rows": []}),
    ("offline", "bad", 990_000, {"link": LOST, "isOnline": False}),
    ("live", "ok", None, {"isOnline": False}),  # the board may be on this machine
    ("build", "warn", None, {"isOtherBuild": True}),
    ("fault", "bad", 960_000, {"faultMs": 960_000, "link": LOST}),
]


async def test_each_state_has_its_name_its_look_and_its_time(alone, page):
    await page.goto(alone.board.url)
    run = """async (views) => {
        const { freshness } = await import('./static/js/freshness.js');
        return views.map((view) => freshness({ ...view, unlisted: new Set(view.unlisted) }));
    }"""
    found = await page.evaluate(run, [VIEW | changed for _, _, _, changed in STATES])
    for (name, look, since_ms, changed), one in zip(STATES, found, strict=True):
        assert (one["state"], one["look"], one["sinceMs"]) == (name, look, since_ms), changed
    named = found[5]
    assert named["named"] == ["16.02", "16.03"] and named["trouble"] == "slow"


def test_each_state_has_words_in_both_languages():
    for language in ("en", "id"):
        texts = words_in(language).tables["page"]
        for name, look, _, _ in STATES:
            assert texts[f"link_{name}"]
            assert look in ("ok", "wait") or texts[f"banner_{name}"].count(".") >= 1, name
        assert all(texts[f"trouble_{trouble or 'slow'}"] for trouble in Trouble)


@pytest.mark.parametrize("size", SIZES)
async def test_a_dead_board_is_seen_wherever_one_is_on_the_page(alone, size):
    alone.write(score=30)
    async with chromium_page(viewport=SIZES[size]) as page:
        await opened(page, alone, "#16.71")
        await page.wait_for_selector("#detail .parts")
        assert "Live" in await page.evaluate(SEEN) and "ago" in await page.evaluate(SEEN)
        await alone.stop()
        await state(page, "lost")
        await page.wait_for_selector("#banner:not([hidden])")
        await page.mouse.wheel(0, 5000)
        for place in ("a regency", "help", "map"):
            seen = await page.evaluate(SEEN)
            assert "No connection to the board since" in seen and "ago" in seen, (place, seen)
            await page.keyboard.press("Escape" if place != "a regency" else "?")
            if place == "help":
                await page.keyboard.press("Escape")
                await page.wait_for_selector("#detail", state="hidden")
                await page.mouse.wheel(0, 5000)
        await alone.restart()
        alone.write(score=31)
        await state(page, "live")
        await page.wait_for_selector("#tile-16\\.71[data-score='31']")
        assert await page.is_hidden("#banner")


async def test_the_age_counts_from_the_newest_row_and_both_limits_hold(alone, page):
    alone.write(ago_s=32)
    await opened(page, alone)
    await state(page, "old")
    assert "No new row since" in await page.inner_text("#banner")
    alone.write(ago_s=3)
    await state(page, "live")
    ages = set()
    while len(ages) < 3:  # it counts without any event
        ages.add(await page.inner_text(".status .age"))
    alone.write(ago_s=200)
    await state(page, "dead")
    assert "written nothing since" in await page.inner_text("#banner") and "3 min" in await page.inner_text("#banner")
    await page.click("#language")
    assert "tidak menulis apa pun sejak pukul" in await page.inner_text("#banner")


async def test_a_regency_whose_rows_stopped_is_named_while_others_go_on(alone, page):
    alone.write()
    alone.write("16.71", ago_s=90)
    await opened(page, alone, "#16.71")
    await state(page, "late")
    assert "Palembang" in await page.inner_text("#banner")
    await page.wait_for_selector("#tile-16\\.71[data-note=true]", state="attached")
    await page.wait_for_function("() => /row of .*1 min ago/.test(document.querySelector('.written').textContent)")
    alone.write("16.71")
    await state(page, "live")
    await page.wait_for_selector("#tile-16\\.71[data-note=false]", state="attached")


async def test_a_board_that_cannot_read_says_since_when_and_no_exception(alone, page):
    alone.write(ago_s=25)
    await opened(page, alone)
    await state(page, "live")
    alone.unread(300)
    await state(page, "behind")
    await page.wait_for_function("() => document.querySelector('#banner').textContent.includes('5 min')")
    text = await page.inner_text("#banner")
    assert "Kafka does not answer; call the operator." in text and "Error" not in text
    alone.unread(0, Trouble.NONE)
    alone.write()
    await state(page, "live")


async def test_before_the_first_data_the_page_says_that_there_is_none(alone):
    async with chromium_page() as page:
        await page.route("**/events", lambda route: route.abort())
        await page.add_init_script(WITHOUT_WORKER)
        await page.goto(alone.board.url)
        await state(page, "lost")
        assert "There is nothing to see yet." in await page.inner_text("#banner")
        assert await page.inner_text(".status .age") == "no data yet"
    async with chromium_page(java_script_enabled=False) as page:
        await page.goto(alone.board.url)
        assert "Belum ada data" in await page.inner_text("#link")
    async with chromium_page() as page:
        await page.route("**/static/js/store.js", lambda route: route.abort())
        await page.clock.install()
        await page.goto(alone.board.url)
        await page.clock.fast_forward(11_000)
        await page.wait_for_selector("#not-loaded:not([hidden])")


async def test_without_a_network_the_page_names_the_network(alone):
    alone.write()
    async with chromium_page() as page:
        await opened(page, alone)
        await state(page, "live")
        await page.context.set_offline(True)
        await alone.stop()
        await state(page, "offline")
        await alone.restart()
        alone.write(score=12)
        await page.context.set_offline(False)
        await state(page, "live")


@pytest.mark.parametrize("hours", [-3, 3])
async def test_a_wrong_clock_of_the_device_changes_no_age(alone, hours):
    alone.write(ago_s=40)
    async with chromium_page() as page:
        shift = f"{WITHOUT_WORKER}; const now = Date.now; Date.now = () => now() + {hours} * 3600000;"
        await page.add_init_script(shift)
        await opened(page, alone)
        await state(page, "old")
        age = (await page.inner_text(".status .age")).split(", ")[1]
        assert " h" not in age and age != "0 s ago", age
        alone.write()
        await state(page, "live")


async def test_after_an_hour_of_sleep_nothing_old_passes_for_new(alone):
    alone.write()
    async with chromium_page() as page:
        await page.add_init_script(WITHOUT_WORKER)
        await page.clock.install()
        await opened(page, alone)
        await state(page, "live")
        await page.evaluate("""() => { globalThis.states = []; new MutationObserver(() =>
            states.push(document.querySelector('#link').dataset.state)).observe(document.querySelector('#link'),
            { attributes: true }); }""")
        await page.clock.fast_forward("01:00:00")
        await page.wait_for_function("() => states.includes('lost')")
        alone.write(score=77)
        await page.wait_for_selector("#tile-16\\.71[data-score='77']")
        await state(page, "live")


async def test_a_message_that_cannot_be_drawn_is_said_and_not_hidden(alone):
    alone.write()
    async with chromium_page(expected_errors=["TypeError"]) as page:
        await opened(page, alone)
        await state(page, "live")
        broken = {"rows": [None], "removed": [], "provinces": [], "escalations": [], "now_ms": time.time_ns() // 10**6}
        alone.board.buffer.append("update", orjson.dumps(broken | {"feed": None}))
        await state(page, "fault")
        text = await page.inner_text("#banner")
        assert "Reload the page" in text and "TypeError" not in text


async def test_a_page_of_another_build_loads_itself_once_and_then_says_so(alone, page):
    alone.write()
    loads = []
    page.on("load", lambda _: loads.append(1))
    await opened(page, alone)
    await state(page, "live")
    alone.board.broadcaster._facts["build"] = "another"
    alone.board.state.is_new = True
    alone.board.broadcaster.notify_changed()
    await until(lambda: len(loads) == 2, "the page has loaded itself")
    await state(page, "build")
    assert len(loads) == 2


async def test_rows_that_the_board_cannot_read_or_does_not_know_are_marked(alone, page):
    alone.write(score=10)
    alone.put(row("99.01", name="Kabupaten Lain"))
    await opened(page, alone)
    await page.wait_for_selector("#tile-99\\.01[data-note=true]")
    assert "Not in the roster" in await page.inner_text("#tile-99\\.01")
    with pytest.raises(ValueError, match="newer board"):
        alone.put(current_row("16.71", schema="siaga.risk/3", score=90))
    await state(page, "unreadable")
    assert "Palembang" in await page.inner_text("#banner")
    assert "Row unreadable" in await page.inner_text("#tile-16\\.71")
    assert await page.get_attribute("#tile-16\\.71", "data-score") == "10"
    alone.write("16.71", score=11)
    await state(page, "live")
    with pytest.raises(ValueError, match="does not know"):
        alone.escalate(escalation(level="merah"))
    await state(page, "missed")
    assert "1 escalations" in await page.inner_text("#banner")


async def test_a_browser_that_remembers_nothing_shows_the_board_all_the_same(alone):
    alone.write(score=10)
    async with chromium_page() as page:
        forbid = (
            "Object.defineProperty(window, '{0}', {{ get() {{ throw new DOMException('no', 'SecurityError'); }} }});"
        )
        await page.add_init_script("".join(forbid.format(name) for name in ("localStorage", "sessionStorage")))
        await opened(page, alone)
        await state(page, "live")
        await page.click("#language")
        assert await page.inner_text("#link") == "Langsung"


async def test_details_that_do_not_come_are_a_sentence(alone):
    alone.write(score=10)
    async with chromium_page() as page:
        await opened(page, alone)
        await page.route("**/api/regency/*", lambda route: route.fulfill(status=500, body="Traceback"))
        await page.evaluate("location.hash = '16.71'")
        await page.wait_for_selector("#detail [data-key=failure]")
        assert "have not come from the board since" in await page.inner_text("#detail")
        await page.unroute("**/api/regency/*")
        await page.wait_for_selector("#detail .parts")
        await page.wait_for_selector("#detail [data-key=failure]", state="detached")


async def test_staleness_counts_from_the_last_report(alone, page):
    alone.write("16.71", minute=0)
    alone.write("16.71", data_status="stale", minute=180)
    alone.write("16.71", data_status="stale", minute=189)
    alone.write("16.02", data_status="stale", minute=189)
    await opened(page, alone, "#16.71")
    await page.wait_for_selector("#detail .band")
    assert "Stale 3 h 9 min" in await page.inner_text("#detail .band")
    assert f"Last report at {at(0)[11:16]}" in await page.inner_text("#detail .band")
    await page.evaluate("location.hash = '16.02'")
    await page.wait_for_selector("#detail .band:has-text('Last report before')")
