"""All measurements with one command: a JSON line for each, and a table at the end.

    python -m benchmarks [micro] [days] [start] [drain] [places] [restore] [latency] [--out FILE] [--plot FILE]
    python -m benchmarks --from FILE [--plot FILE]     # the table of an earlier run

Run nothing else on the machine, and compare figures of one run only. The comparison with other engines is
`benchmarks.peers`, a national election day `benchmarks.nation`."""

import argparse
import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from apps.evaluation.plot import PlotMissing, require_matplotlib
from benchmarks.drain import drain, places
from benchmarks.flat import by_days
from benchmarks.latency import latency
from benchmarks.micro import calls, micro
from benchmarks.nation import nation, stations_of
from benchmarks.plot import draw
from benchmarks.sheet import Figures, table
from benchmarks.starting import starts


def main() -> None:
    chosen = _options()
    if chosen.read:
        lines = [json.loads(line) for path in chosen.read for line in path.read_text().splitlines()]
    else:
        lines = list(_measured(chosen))
    print(table(lines))
    if chosen.plot:
        draw(chosen.plot, lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=f"of {', '.join(MEASURE)}; all of them by default")
    parser.add_argument("--out", type=Path, help="append the JSON lines to this file too")
    parser.add_argument("--plot", type=Path, help="draw cost against load and regencies into this PNG (siaga[lab])")
    parser.add_argument(
        "--from", dest="read", type=Path, nargs="+", metavar="FILE", help="print what --out wrote, measure nothing"
    )
    parser.add_argument("--events", type=int, default=1_000_000, help="for drain")
    parser.add_argument("--workers", default="1,2", help="worker counts for drain and latency")
    parser.add_argument("--regencies", default="17,50,150,514", help="for places, with one worker; drain has the first")
    parser.add_argument("--hours", type=float, default=1, help="of event time, for places")
    parser.add_argument("--keys", default="10000,100000,1000000", help="for restore")
    parser.add_argument("--seconds", type=float, default=20, help="for latency, after --warm")
    parser.add_argument("--warm", type=float, default=15, help="seconds of load before latency is measured")
    parser.add_argument("--rates", default="20,200,500,2000,5000", help="events a second for latency")
    parser.add_argument("--triggers", type=int, default=300, help="escalations over which latency is measured")
    parser.add_argument("--skew", type=float, default=0.0, help="additional share of the load for one regency")
    chosen = parser.parse_args()
    if unknown := set(chosen.what) - set(MEASURE):
        parser.error(f"what is {', '.join(sorted(unknown))}? One of {', '.join(MEASURE)}")
    if chosen.plot:
        try:
            require_matplotlib()
        except PlotMissing as error:
            parser.error(str(error))
    chosen.what = chosen.what or list(MEASURE)
    return chosen


def _measured(chosen: argparse.Namespace) -> Iterator[Figures]:
    """Each measurement when it is done, printed and appended to `--out`."""
    for what in chosen.what:
        for figures in MEASURE[what](chosen):
            line = {"what": what, **figures}
            print(json.dumps(line), flush=True)
            if chosen.out:
                with chosen.out.open("a") as file:
                    file.write(json.dumps(line) + "\n")
            yield line


def _micro(_: argparse.Namespace) -> Iterator[Figures]:
    for part, figures in micro().items():
        yield {"part": part, **figures}
    yield {"part": "calls per event", "calls": calls()}


def _drain(chosen: argparse.Namespace) -> Iterator[Figures]:
    for workers in _numbers(chosen.workers):
        yield asyncio.run(drain(chosen.events, workers, _numbers(chosen.regencies)[0]))


def _places(chosen: argparse.Namespace) -> Iterator[Figures]:
    for regencies in _numbers(chosen.regencies):
        yield asyncio.run(places(regencies, chosen.hours))


def _restore(chosen: argparse.Namespace) -> Iterator[Figures]:
    for keys in _numbers(chosen.keys):
        yield {"keys": keys, **asyncio.run(nation(1, 1, stations_of(keys)))}


def _latency(chosen: argparse.Namespace) -> Iterator[Figures]:
    for workers in _numbers(chosen.workers):
        for rate in _numbers(chosen.rates):
            yield asyncio.run(latency(rate, chosen.seconds, chosen.warm, chosen.triggers, chosen.skew, workers))


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


MEASURE: dict[str, Callable[[argparse.Namespace], Iterator[Figures]]] = {
    "micro": _micro,
    "days": lambda _: by_days(),
    "start": lambda _: iter([asyncio.run(starts())]),
    "drain": _drain,
    "places": _places,
    "restore": _restore,
    "latency": _latency,
}


if __name__ == "__main__":
    main()
