"""`siaga board`: start, stop, and errors of one line."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest

ROOT = Path(__file__).resolve().parents[3]
STOP_S = 8


def start(*flags: str, limits: tuple[int, int] | None = None, **variables: str) -> subprocess.Popen[str]:
    """The command as a process. `limits`: file descriptors it may have, soft and hard."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIAGA_")} | variables
    command = [sys.executable, "-m", "apps.cli.main", "board", *flags]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)
    if limits is not None:  # it has not opened anything yet: Python is still starting
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_prints_its_url_and_stops_soon_with_viewers_connected(number, free_port):
    process = start("--board-port", str(free_port), SIAGA_BROKER="127.0.0.1:1")
    try:
        assert process.stdout.readline() == f"board: http://127.0.0.1:{free_port}/\n"
        url = f"http://127.0.0.1:{free_port}/events"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert (await response.content.readline()) == b"retry: 1000\n"
            asked = time.monotonic()
            process.send_signal(number)
            _, errors = process.communicate(timeout=STOP_S)
        assert process.returncode == 0, errors
        assert time.monotonic() - asked < STOP_S
        assert "Traceback" not in errors
    finally:
        process.kill()


def test_a_port_in_use_is_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start("--board-port", str(port))
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.count("\n") == 1 and f"cannot listen on 127.0.0.1:{port}" in errors


def test_a_bad_roster_is_one_line(tmp_path):
    roster = tmp_path / "roster.csv"
    roster.write_text("regency,name\n16.71,Palembang\n")
    process = start("--roster", str(roster))
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert errors.count("\n") == 1 and "lacks the column stations" in errors


@pytest.mark.parametrize(
    "limits, fit", [((100, 100), 51), ((100, 160), 96)], ids=["hard limit reached", "raised to the hard limit"]
)
async def test_a_full_board_answers_503_to_viewers_and_still_serves_the_rest(limits, fit, free_port):
    flags = ("--board-port", str(free_port), "--board-per-address", "0")
    process = start(*flags, SIAGA_BROKER="127.0.0.1:1", limits=limits)
    url = f"http://127.0.0.1:{free_port}"
    try:
        assert process.stdout.readline() == f"board: {url}/\n"
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            viewers = [await session.get(f"{url}/events") for _ in range(fit + 20)]
            assert [viewer.status for viewer in viewers] == fit * [200] + 20 * [503]
            for path in ("/", "/metrics", "/api/risk"):
                async with asyncio.timeout(10), session.get(url + path) as answer:
                    assert answer.status == 200
            viewers[0].close()
            async with asyncio.timeout(10):
                while (again := await session.get(f"{url}/events")).status == 503:
                    again.close()
                    await asyncio.sleep(0.05)
            assert again.status == 200
            for viewer in (*viewers, again):
                viewer.close()
    finally:
        process.kill()
        process.communicate()
