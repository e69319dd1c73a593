"""A thousand viewers on one board: what they cost. A benchmark to run by hand, no test.

    python -m tests.apps.board.thousand_viewers [--viewers 1000] [--seconds 20] [--regencies 17]

The board runs in this process on a table that changes every regency five times a second, as under heavy load; viewers
are real connections held by a second process, all taking gzip like a browser. Told: the board's own processor time, its
memory, and how late the viewers hear (from publishing to the last byte read), and what a viewer that reads nothing does
to the others."""

import asyncio
import contextlib
import multiprocessing
import resource
import statistics
import time

import click

from apps.board.descriptors import raise_limit
from apps.board.journal import Journal
from apps.board.publisher import Publisher
from benchmarks.viewing import chunks, connect, milliseconds_after
from tests.apps.board.examples import give_row
from tests.apps.board.test_viewers import Line

CHANGES_PER_S = 5


async def _view(port: int, lateness: list[float], heard: list[int], until_s: float) -> None:
    reader, writer = await connect(port)
    with contextlib.suppress(TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(until_s - time.monotonic()):
            async for text, now_ms in chunks(reader):
                heard[0] += text.count(b"event: update")
                told = milliseconds_after(text, b"now_ms")
                if b"event: update" in text and told is not None:
                    lateness.append(now_ms - told)
    writer.close()


def _viewers(port: int, count: int, seconds: float, answer) -> None:
    async def all_of_them() -> tuple[list[float], int]:
        lateness: list[float] = []
        heard = [0]
        until_s = time.monotonic() + seconds
        tasks = []
        for _ in range(count):
            tasks.append(asyncio.create_task(_view(port, lateness, heard, until_s)))
            await asyncio.sleep(0.002)
        await asyncio.gather(*tasks)
        return lateness, heard[0]

    answer.send(asyncio.run(all_of_them()))


async def _measure(viewers: int, seconds: float, regencies: int) -> None:
    codes = [f"{11 + number // 50}.{1 + number % 50:02}" for number in range(regencies)]
    async with Line(Journal()) as line:
        publishing = asyncio.create_task(line.publisher.run())
        mine, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=_viewers, args=(line.port, viewers, seconds, theirs), daemon=True
        )
        process.start()
        while line.publisher.viewers < viewers and process.is_alive():
            await asyncio.sleep(0.1)
        used, began, score = time.process_time(), time.monotonic(), 0
        while not mine.poll() and process.is_alive():
            score += 1
            for code in codes:
                give_row(line.table, code, score=score % 100)
            line.publisher.changed()
            await asyncio.sleep(1 / CHANGES_PER_S)
        took, used = time.monotonic() - began, time.process_time() - used
        lateness, heard = mine.recv()
        publishing.cancel()
        _tell(line.publisher, viewers, regencies, took, used, lateness, heard)


def _tell(publisher: Publisher, viewers, regencies, took, used, lateness, heard) -> None:
    marks = statistics.quantiles(lateness, n=100)
    rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"{viewers} viewers, {regencies} regencies, {took:.0f} s")
    click.echo(f"updates delivered      {heard}  ({heard / took / viewers:.1f} per viewer and second)")
    click.echo(f"board's processor time {100 * used / took:.0f} % of one core")
    click.echo(f"board's peak memory    {rss_mib:.0f} MiB")
    click.echo(f"lateness, ms           p50 {marks[49]:.0f}   p99 {marks[98]:.0f}   most {max(lateness):.0f}")


@click.command()
@click.option("--viewers", default=1000, show_default=True)
@click.option("--seconds", default=20.0, show_default=True)
@click.option("--regencies", default=17, show_default=True)
def main(viewers: int, seconds: float, regencies: int) -> None:
    """Hold many viewers on one board and say what they cost."""
    raise_limit()
    asyncio.run(_measure(viewers, seconds, regencies))


if __name__ == "__main__":
    main()
