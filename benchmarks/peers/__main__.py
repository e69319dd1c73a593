"""Siaga and other stream processors in turn, on one broker and the same data, with the harness of their comparison.

    python -m benchmarks.peers --harness DIR --work DIR [--out DIR] [--variant NAME:VARIABLE=VALUE,...] [the harness's
    own options]

Run it with the Python that has Siaga's packages. `--harness` holds the comparison's `run.py`, which is used as it is;
`--work` is what its `setup` made. Its own options are those of its `bench`, for example `--peers siaga,kstreams-eos
--what throughput --reps 1`."""

import argparse
import importlib.util
import os
import sys
import time
from pathlib import Path

SIAGA: dict[str, tuple[dict[str, str], str, int]] = {
    # name: environment, size of the throughput topic, processes
    "siaga": ({}, "fast", 1),
    "siaga-x2": ({}, "fast", 2),
    "siaga-300k": ({}, "slow", 1),
    "siaga-live": ({"SIAGA_CLOCK": "wall"}, "fast", 1),
}
LATENCY_ONLY = {"siaga-live"}  # the wall clock rejects the throughput stream, whose event times are years old
THROUGHPUT_ONLY = {"siaga-300k"}  # most of its input is read at the first rows: too little remains after a kill
DEFAULT_PEERS = "siaga,siaga-x2,siaga-300k,siaga-live,kstreams-eos,quix-eos,quix-eos-x2,bytewax-alo,bytewax-alo-x2"
PYTHON_VARIABLE = "PEERS_SIAGA_PYTHON"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--harness", type=Path, required=True, help="folder of the comparison's run.py")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder that its setup made: jars, classes, environment"
    )
    parser.add_argument("--out", type=Path, help="new folder for this run's results and logs; default in WORK/runs")
    parser.add_argument("--variant", action="append", default=[], help="NAME:VARIABLE=VALUE,...: siaga, set otherwise")
    chosen, harness_options = parser.parse_known_args()
    if importlib.util.find_spec("confluent_kafka") is None:
        change_interpreter(chosen.work)
    out = chosen.out or chosen.work / "runs" / time.strftime("%Y%m%d-%H%M%S")
    prepare(chosen.work.resolve(), out)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # write nothing into the harness's folder
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(chosen.harness.resolve()))
    os.environ["PYTHONPATH"] = os.pathsep.join([sys.path[0], str(Path(__file__).resolve().parents[2])])

    from benchmarks.peers.plugging import plug

    variants = dict(variant(text) for text in chosen.variant)
    run = plug(SIAGA | variants, LATENCY_ONLY, THROUGHPUT_ONLY, os.environ.get(PYTHON_VARIABLE, sys.executable))
    if not any(option.partition("=")[0] == "--peers" for option in harness_options):
        harness_options = ["--peers", ",".join([DEFAULT_PEERS, *variants]), *harness_options]
    sys.argv = [str(chosen.harness / "run.py"), "bench", "--work", str(out), *harness_options]
    run.main()


def change_interpreter(work: Path) -> None:
    """Continue in the harness's environment, which the peers need; the workers keep this one."""
    python = str(work / "v/bin/python")
    environment = os.environ | {PYTHON_VARIABLE: sys.executable, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    os.execve(python, [python, "-m", "benchmarks.peers", *sys.argv[1:]], environment)


def prepare(work: Path, out: Path) -> None:
    """A folder for one run alone, with links to the jars and classes of the setup."""
    out.mkdir(parents=True)
    for name in ("libs", "classes"):
        (out / name).symlink_to(work / name)


def variant(text: str) -> tuple[str, tuple[dict[str, str], str, int]]:
    """`siaga-slow-ticks:SIAGA_TICK_SECONDS=30`; a name that ends in -x2 has two processes."""
    name, _, settings = text.partition(":")
    environment = dict(setting.split("=", 1) for setting in settings.split(",") if setting)
    return name, (environment, "fast", 2 if name.endswith("-x2") else 1)


if __name__ == "__main__":
    main()
