"""The board on a real broker: what it reads, what it says of its own hearing, what it serves."""

import asyncio
import time

import aiohttp
import orjson

from apps.board.feed import BEHIND_AFTER_S
from apps.embedded import EmbeddedBroker
from schemas.topics import Topic
from tests.apps.board.board_scene import Scene, until
from tests.apps.board.examples import escalation, row


async def get(scene: Scene, path: str, method: str = "GET") -> tuple[int, dict, bytes]:
    url = scene.board.url.rstrip("/") + path
    async with aiohttp.ClientSession() as session, session.request(method, url) as response:
        return response.status, dict(response.headers), await response.read()


async def get_json(scene: Scene, path: str) -> tuple[int, dict]:
    status, _, body = await get(scene, path)
    return status, orjson.loads(body)


async def told(scene: Scene) -> dict[str, float]:
    """What /metrics says now."""
    _, _, body = await get(scene, "/metrics")
    lines = [line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


async def test_the_pages_say_what_the_topics_say(broker, fresh_prefix):
    async with Scene(broker.bootstrap, fresh_prefix) as scene:
        rows = [row("16.01", score=12), row("16.71", score=80, level="awas"), row("16.01", score=13)]
        alarm = escalation("16.71", level="awas")
        await scene.write(
            rows=rows, escalations=[alarm], provinces=[{"province": "16", "level": "waspada", "score": 25}]
        )
        await scene.ready()
        status, risk = await get_json(scene, "/api/risk")
        assert (status, risk["rows"]) == (200, [rows[2], rows[1]])
        assert risk["provinces"]["16"]["level"] == "waspada"
        assert (await get_json(scene, "/api/escalations"))[1] == {"escalations": [alarm]}
        status, one = await get_json(scene, "/api/regency/16.71")
        assert (one["row"], one["escalations"], one["name"]) == (rows[1], [alarm], "Kota Palembang")
        assert ["16.03", "Kabupaten Muara Enim"] in one["neighbours"]
        assert (await get_json(scene, "/api/regency/99.99"))[0] == 404


async def test_an_aborted_transaction_is_never_shown(broker, fresh_prefix):
    async with Scene(broker.bootstrap, fresh_prefix) as scene:
        await scene.write(rows=[row("16.71", score=10)])
        await scene.ready()
        await scene.write(rows=[row("16.71", score=99)], escalations=[escalation()], commit=False)
        await scene.write(rows=[row("16.02", score=20)])
        await until(lambda: "16.02" in scene.board.table.rows, "the later row arrives")
        assert scene.board.table.rows["16.71"]["score"] == 10
        assert scene.board.table.escalations() == []


async def test_a_tombstone_takes_the_row_away(broker, fresh_prefix):
    async with Scene(broker.bootstrap, fresh_prefix) as scene:
        await scene.write(rows=[row("16.71"), row("16.02")])
        await scene.ready()
        await scene.write_raw(Topic.RISK, "16.71", None)
        await until(lambda: "16.71" not in scene.board.table.rows, "the row is gone")
        assert "16.02" in scene.board.table.rows


async def test_an_unreadable_record_is_counted_and_the_rest_is_shown(broker, fresh_prefix):
    async with Scene(broker.bootstrap, fresh_prefix) as scene:
        await scene.write_raw(Topic.RISK, "16.71", b"{no json")
        await scene.write_raw(Topic.ESCALATIONS, "16.71", b"[]")
        await scene.write(rows=[row("16.71", score=5)])
        await scene.ready()
        _, health = await get_json(scene, "/healthz")
        assert health["unreadable_records"] == 2
        assert scene.board.table.rows["16.71"]["score"] == 5


async def test_it_is_unhealthy_until_the_topics_exist_and_are_read(broker, fresh_prefix):
    async with Scene(broker.bootstrap, fresh_prefix, with_topics=False) as scene:
        await until(lambda: "topic" in scene.board.feed.state.trouble, "it says what it waits for")
        status, health = await get_json(scene, "/healthz")
        assert (status, health["status"]) == (503, "starting")
        assert (await get(scene, "/"))[0] == 200
        await scene.create_topics()
        await scene.ready()
        assert (await get_json(scene, "/healthz"))[0] == 200


async def test_the_broker_goes_and_comes_back_and_nothing_is_lost(tmp_path, fresh_prefix):
    with EmbeddedBroker(tmp_path) as own:
        async with Scene(own.bootstrap, fresh_prefix) as scene:
            await scene.write(rows=[row("16.71", score=10)], escalations=[escalation(escalation_id="before")])
            await scene.ready()
            own.stop()
            await until(lambda: not scene.board.feed.state.healthy, "it notices", 60)
            assert (await get_json(scene, "/healthz"))[0] == 503
            assert (await told(scene))["siaga_board_behind_seconds"] >= BEHIND_AFTER_S
            assert scene.board.table.rows["16.71"]["score"] == 10
            own.start()
            await until(lambda: scene.board.feed.state.healthy, "it is back", 60)
            await scene.write(rows=[row("16.71", score=44)], escalations=[escalation(escalation_id="after")])
            await scene.ready()
            assert scene.board.table.rows["16.71"]["score"] == 44
            assert [item["escalation_id"] for item in scene.board.table.escalations()] == ["after", "before"]


async def test_every_answer_carries_the_security_headers(broker, fresh_prefix):
    async with Scene(broker.bootstrap, fresh_prefix) as scene, aiohttp.ClientSession() as session:
        await scene.ready()
        for path in ("", "static/js/main.js", "api/risk", "events", "healthz", "metrics", "nowhere"):
            async with session.get(scene.board.url + path) as response:
                policy = response.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy, path
                assert "frame-ancestors 'none'" in policy, path
                assert "unsafe" not in policy and "http" not in policy, path
                assert response.headers["X-Content-Type-Options"] == "nosniff", path
                assert response.headers["Cache-Control"] in ("no-store", "no-cache"), path


async def test_nothing_is_writable(broker, fresh_prefix):
    async with Scene(broker.bootstrap, fresh_prefix) as scene:
        for path in ("/", "/events", "/api/risk", "/api/escalations", "/api/regency/16.71", "/healthz", "/metrics"):
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                assert (await get(scene, path, method))[0] == 405, (method, path)


async def test_its_metrics_are_its_own(broker, fresh_prefix):
    async with Scene(broker.bootstrap, fresh_prefix) as scene:
        await scene.write(rows=[row()])
        await scene.ready()
        await until(lambda: scene.board.journal.head, "a frame is out")
        _, headers, _ = await get(scene, "/metrics")
        samples = await told(scene)
        assert headers["Content-Type"].startswith("text/plain")
        assert all(name.startswith("siaga_board_") for name in samples)
        assert samples["siaga_board_viewers"] == 0
        assert abs(time.time() - samples["siaga_board_last_update_timestamp_seconds"]) < 60


async def test_it_says_how_far_behind_kafka_its_viewers_are(broker, fresh_prefix):
    async with Scene(broker.bootstrap, fresh_prefix) as scene:
        await scene.write(rows=[row("16.71", score=10)])
        await scene.ready()
        await until(lambda: scene.board.journal.head, "a frame is out")
        before = await told(scene)
        assert before["siaga_board_behind_seconds"] < 5 and before["siaga_board_lag_records"] == 0
        await scene.write(rows=[row("16.71", score=11)], escalations=[escalation()])
        count = "siaga_board_delay_seconds_count"

        async def both_given() -> dict[str, float] | None:
            now = await told(scene)
            return now if now[count] - before[count] >= 2 else None

        after = await until(both_given, "both are given to viewers")
        assert after[count] - before[count] == 2, "what was read at the start kept nobody waiting"
        assert 0 < after["siaga_board_delay_seconds_sum"] - before["siaga_board_delay_seconds_sum"] < 10
        # A board that reads but gives nothing out is behind too.
        scene.board._tasks[1].cancel()
        await scene.write(rows=[row("16.71", score=12)])
        await until(lambda: scene.board.table.rows["16.71"]["score"] == 12, "it is read")
        await asyncio.sleep(2.5)
        assert scene.board.feed.state.behind_s < 2 < (await told(scene))["siaga_board_behind_seconds"]


async def test_a_cached_asset_is_not_sent_again(broker, fresh_prefix):
    async with Scene(broker.bootstrap, fresh_prefix) as scene, aiohttp.ClientSession() as session:
        url = scene.board.url + "static/css/base.css"
        async with session.get(url) as first:
            etag = first.headers["ETag"]
            assert first.headers["Content-Type"] == "text/css; charset=utf-8"
        async with session.get(url, headers={"If-None-Match": etag}) as second:
            assert (second.status, await second.read()) == (304, b"")
