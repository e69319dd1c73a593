"""What a station roster costs: seconds to load, bytes of memory a station, microseconds to find one.

    python -m benchmarks.station_roster [--stations 823220] [--villages 10 | 0 | 1]

The file is made up: 514 regencies, villages of so many stations (0: no villages). Prints one JSON line. `of_json` is
the time to load as a multiple of `json.loads` of one message for each station, so that machines can be compared;
memory is the growth of the process, `peak` while it loads."""

import argparse
import json
import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agents.policy import load_stations
from benchmarks.micro import timed
from benchmarks.nation import STATIONS, places, turnout_hour
from benchmarks.processes import memory_mib
from schemas.station_roster import StationRoster

MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, default=STATIONS)
    parser.add_argument("--villages", type=int, default=10, help="stations of a village; 0: stations without village")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stations.csv"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(_rows(chosen.stations, chosen.villages))
        print(json.dumps(measure(path)))


def measure(path: Path) -> dict[str, Any]:
    """The figures of loading `path` once in this process, and of finding each station of one regency."""
    loaded: list[StationRoster] = []
    before = memory_mib(os.getpid())
    seconds = timed(lambda: loaded.append(load_stations(path)))
    after = memory_mib(os.getpid())
    peak = max(after, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    count = len(loaded[0])
    message = next(turnout_hour(0, places(1)))[2]
    reference = timed(lambda: [json.loads(message) for _ in range(count)])
    first = loaded[0].of("11.01")
    assert first is not None, "each file has stations in 11.01"
    keys = list(first)
    rounds = max(1, 100_000 // len(keys))
    found = timed(lambda: [key in first for _ in range(rounds) for key in keys])
    return {
        "stations": count,
        "file_mib": round(path.stat().st_size / MIB, 1),
        "load_s": round(seconds, 2),
        "of_json": round(seconds / reference, 2),
        "bytes_a_station": round((after - before) * MIB / count, 1),
        "peak_bytes_a_station": round((peak - before) * MIB / count, 1),
        "find_us": round(found / rounds / len(keys) * 1e6, 2),
    }


def _rows(stations: int, of_village: int) -> Iterator[str]:
    yield "regency,village,station,registered\n"
    for code, count in places(stations).items():
        for n in range(count):
            village, number = divmod(n, of_village) if of_village else (None, n)
            name = "" if village is None else f"{code}.{village // 20 + 1:02d}.{village % 20 + 2001:04d}"
            yield f"{code},{name},TPS {number + 1:03d},{180 + 37 * n % 120}\n"


if __name__ == "__main__":
    main()
