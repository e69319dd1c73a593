"""No answer holds the text of an exception."""

import aiohttp


async def test_a_defect_is_one_plain_line_and_the_rest_goes_to_the_log(alone, caplog):
    def fail() -> None:
        raise ValueError("secret of the code")

    alone.board.state.escalations = fail
    async with aiohttp.ClientSession() as session:
        async with session.get(alone.board.url + "api/escalations") as answer:
            assert (answer.status, await answer.text()) == (500, "the board could not answer; its log says why\n")
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        async with session.get(alone.board.url + "nowhere") as answer:
            assert answer.status == 404 and (await answer.text()).count("\n") == 1
        async with session.post(alone.board.url) as answer:
            assert answer.status == 405 and answer.headers["Allow"]
    assert "secret of the code" in caplog.text


async def test_healthz_names_the_cause_and_not_the_exception(alone):
    alone.board.reader._failed(RuntimeError("secret of the code"))
    async with aiohttp.ClientSession() as session, session.get(alone.board.url + "healthz") as answer:
        assert "secret" not in await answer.text()
        assert (await answer.json())["trouble"] == "fault"
