"""The board on a real broker: what it reads, its health and metrics, what it serves."""

import asyncio
import time

import aiohttp
import orjson

from apps.board.trouble import Trouble
from schemas.topics import Topic
from tests.apps.board.records import escalation, row
from tests.apps.board.running_board import RunningBoard, until


async def get(running: RunningBoard, path: str, method: str = "GET") -> tuple[int, dict, bytes]:
    url = running.board.url.rstrip("/") + path
    async with aiohttp.ClientSession() as session, session.request(method, url) as response:
        return response.status, dict(response.headers), await response.read()


async def get_json(running: RunningBoard, path: str) -> tuple[int, dict]:
    status, _, body = await get(running, path)
    return status, orjson.loads(body)


async def samples(running: RunningBoard) -> dict[str, float]:
    """/metrics, name to value."""
    _, _, body = await get(running, "/metrics")
    lines = [line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


async def test_json_endpoints_return_what_the_topics_hold(running):
    rows = [row("16.01", score=12), row("16.71", score=80, level="awas"), row("16.01", score=13)]
    alarm = escalation("16.71", level="awas")
    await running.load(rows=rows, escalations=[alarm], provinces=[{"province": "16", "level": "waspada", "score": 25}])
    status, risk = await get_json(running, "/api/risk")
    assert (status, risk["rows"]) == (200, [rows[2], rows[1]])
    assert risk["provinces"]["16"]["level"] == "waspada"
    assert (await get_json(running, "/api/escalations"))[1] == {"escalations": [alarm]}
    status, one = await get_json(running, "/api/regency/16.71")
    assert (one["row"], one["escalations"], one["name"]) == (rows[1], [alarm], "Kota Palembang")
    assert ["16.03", "Kabupaten Muara Enim"] in one["neighbours"]
    assert (await get_json(running, "/api/regency/99.99"))[0] == 404


async def test_an_aborted_transaction_is_never_shown(running):
    await running.load(rows=[row("16.71", score=10)])
    await running.write(rows=[row("16.71", score=99)], escalations=[escalation()], commit=False)
    await running.write(rows=[row("16.02", score=20)])
    await until(lambda: "16.02" in running.board.state.rows, "the later row arrives")
    assert running.board.state.rows["16.71"]["score"] == 10
    assert running.board.state.escalations() == []


async def test_an_invalid_record_is_counted_and_skipped(running):
    await running.write_raw(Topic.RISK, "16.71", b"{no json")
    await running.write_raw(Topic.ESCALATIONS, "16.71", b"[]")
    await running.load(rows=[row("16.71", score=5)])
    _, health = await get_json(running, "/healthz")
    assert health["unreadable_records"] == 2
    assert running.board.state.rows["16.71"]["score"] == 5


async def test_it_is_unhealthy_until_the_topics_exist_and_are_read(broker, fresh_prefix):
    async with RunningBoard(broker.bootstrap, fresh_prefix, with_topics=False) as running:
        await until(lambda: running.board.progress.trouble is Trouble.TOPICS, "it reports the missing topic")
        status, health = await get_json(running, "/healthz")
        assert (status, health["status"]) == (503, "starting")
        assert (await get(running, "/"))[0] == 200
        await running.create_topics()
        await running.ready()
        assert (await get_json(running, "/healthz"))[0] == 200


async def test_every_response_has_the_security_headers(running):
    async with aiohttp.ClientSession() as session:
        await running.ready()
        for path in ("", "static/js/main.js", "api/risk", "events", "healthz", "metrics", "nowhere"):
            async with session.get(running.board.url + path) as response:
                policy = response.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy, path
                assert "frame-ancestors 'none'" in policy, path
                assert "unsafe" not in policy and "http" not in policy, path
                assert response.headers["X-Content-Type-Options"] == "nosniff", path
                assert response.headers["Cache-Control"] in ("no-store", "no-cache"), path


async def test_every_path_is_read_only(running):
    for path in ("/", "/events", "/api/risk", "/api/escalations", "/api/regency/16.71", "/healthz", "/metrics"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert (await get(running, path, method))[0] == 405, (method, path)


async def test_metrics_are_the_boards_only(running):
    await running.load(rows=[row()])
    await until(lambda: running.board.buffer.head, "an event is out")
    _, headers, _ = await get(running, "/metrics")
    found = await samples(running)
    assert headers["Content-Type"].startswith("text/plain")
    assert all(name.startswith("siaga_board_") for name in found)
    assert found["siaga_board_viewers"] == 0
    assert abs(time.time() - found["siaga_board_last_update_timestamp_seconds"]) < 60


async def test_metrics_show_how_far_viewers_are_behind_kafka(running):
    await running.load(rows=[row("16.71", score=10)])
    await until(lambda: running.board.buffer.head, "an event is out")
    before = await samples(running)
    assert before["siaga_board_behind_seconds"] < 5 and before["siaga_board_lag_records"] == 0
    await running.write(rows=[row("16.71", score=11)], escalations=[escalation()])
    count = "siaga_board_delay_seconds_count"

    async def both_sent() -> dict[str, float] | None:
        now = await samples(running)
        return now if now[count] - before[count] >= 2 else None

    after = await until(both_sent, "both are sent to viewers")
    assert after[count] - before[count] == 2, "records read at the start count no delay"
    assert 0 < after["siaga_board_delay_seconds_sum"] - before["siaga_board_delay_seconds_sum"] < 10
    # A board that reads but sends nothing is behind too.
    running.board._tasks[1].cancel()
    await running.write(rows=[row("16.71", score=12)])
    await until(lambda: running.board.state.rows["16.71"]["score"] == 12, "it is read")
    await asyncio.sleep(2.5)
    assert running.board.progress.behind_s < 2 < (await samples(running))["siaga_board_behind_seconds"]


async def test_a_cached_file_is_not_sent_again(running):
    async with aiohttp.ClientSession() as session:
        url = running.board.url + "static/css/base.css"
        async with session.get(url) as first:
            etag = first.headers["ETag"]
            assert first.headers["Content-Type"] == "text/css; charset=utf-8"
        async with session.get(url, headers={"If-None-Match": etag}) as second:
            assert (second.status, await second.read()) == (304, b"")
