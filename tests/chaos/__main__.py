"""The long run: `python -m tests.chaos --minutes 60 --seed 1 --faults kill,zombie,broker_kill`.

Runs rounds of a few minutes, each with a broker, topics and seed of its own, and appends one JSON line per round to the
results file. Started again with the same options it continues after the rounds already there. `--report FILE...` prints
the table.
"""

import argparse
import asyncio
import json
import logging
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tests.agents.deployment import ROOT
from tests.chaos.broker_faults import BROKER_FAULTS
from tests.chaos.faults import FAULTS, OF_WORKERS
from tests.chaos.recovery import own_recoveries
from tests.chaos.run import Plan, Result, run
from tests.chaos.scene import Struck
from tests.recount.laws import Violation


def main() -> int:
    options = _options()
    if options.report:
        print(report(_lines(options.report)))
        return 0
    logging.basicConfig(level=logging.CRITICAL)  # the publishers' clients log every fault
    return asyncio.run(long_run(options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="length of all rounds together")
    parser.add_argument("--round-minutes", type=float, default=3, help="length of one round")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1, help="3: replicated three times, min.isr 2")
    of = f"of {', '.join(FAULTS)}; with 3 brokers of {', '.join((*BROKER_FAULTS, *OF_WORKERS))}, by default the former"
    parser.add_argument("--faults", help=of)
    parser.add_argument("--pause-s", type=float, default=8, help="longest pause between two faults")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--partitions", type=int, default=3)
    parser.add_argument("--rate", type=float, default=40, help="messages a second of a publisher")
    parser.add_argument("--tick-s", type=float, default=0.5)
    parser.add_argument("--long-s", type=float, default=30, help="length of a broker's stop; a freeze is half of it")
    parser.add_argument("--out", type=Path, default=Path("chaos-results.jsonl"))
    parser.add_argument(
        "--report", nargs="+", type=Path, metavar="FILE", help="print the table of results files, run nothing"
    )
    options = parser.parse_args()
    if options.faults is None:
        options.faults = ",".join(FAULTS if options.brokers == 1 else BROKER_FAULTS)
    known = {*FAULTS} if options.brokers == 1 else {*BROKER_FAULTS, *OF_WORKERS}
    unknown = [name for name in options.faults.split(",") if name and name not in known]
    if unknown:
        parser.error(f"no such fault: {', '.join(unknown)}")
    return options


def plans(options: argparse.Namespace) -> list[Plan]:
    rounds = max(1, round(options.minutes / options.round_minutes))
    return [
        Plan(
            seed=1000 * options.seed + number,
            seconds=60 * options.minutes / rounds,
            faults=tuple(name for name in options.faults.split(",") if name),
            pause_s=options.pause_s,
            workers=options.workers,
            partitions=options.partitions,
            rate_per_s=options.rate,
            tick_s=options.tick_s,
            long_s=options.long_s,
            settle_s=300,
            brokers=options.brokers,
        )
        for number in range(rounds)
    ]


async def long_run(options: argparse.Namespace) -> int:
    """Rounds until all are done; exit status 1 when any found a violation."""
    todo, before = plans(options), _lines([options.out] if options.out.exists() else [])
    done = {json.dumps(line["plan"], sort_keys=True): len(line["violations"]) for line in before}
    bad, build = 0, _build()
    for number, plan in enumerate(todo, 1):
        known = json.dumps(Result(plan).as_dict()["plan"], sort_keys=True)
        if known in done:
            print(f"round {number}/{len(todo)} was run before, {done[known]} violations", file=sys.stderr)
            bad += bool(done[known])
            continue
        result = await _round(plan, f"round {number}/{len(todo)}")
        bad += bool(result.violations)
        with options.out.open("a") as out:
            out.write(json.dumps(result.as_dict() | {"build": build}) + "\n")
    return 1 if bad else 0


def _build() -> str:
    """The commit that is run, with a + where the files are not all as committed; empty without git."""
    output = [
        subprocess.run(("git", *command), capture_output=True, text=True, check=False, cwd=ROOT).stdout.strip()
        for command in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
    ]
    return output[0] + "+" * bool(output[1])


async def _round(plan: Plan, name: str) -> Result:
    directory, started = Path(tempfile.mkdtemp(prefix="siaga-chaos-")), time.monotonic()

    def say(text: str) -> None:
        print(f"{name} {time.monotonic() - started:6.1f} s: {text}", file=sys.stderr, flush=True)

    try:
        result = await run(plan, directory, say)
    except Exception as error:  # noqa: BLE001  a round that fails is a violation, and the next one runs
        result = Result(plan, violations=[Violation("run", f"{type(error).__name__}: {error}")])
    found = f"{result.vanished} vanished, {len(result.violations)} violations"
    say(f"{len(result.struck)} faults, {result.inputs} inputs, {found}")
    for violation in result.violations[:10]:
        say(f"{violation.law}: {violation.text}")
    if result.violations:
        say(f"logs are kept in {directory}")
    else:
        shutil.rmtree(directory, ignore_errors=True)
    return result


def _lines(paths: Iterable[Path]) -> list[dict]:
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def report(lines: list[dict]) -> str:
    """A Markdown table of the faults, the recoveries and the violations."""
    times: dict[str, list[float]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for line in lines:
        struck = [Struck(**fault) for fault in line["struck"]]
        seen = own_recoveries(struck, line["recoveries_s"] or [None] * len(struck))
        if line["plan"].get("brokers", 1) > 1:  # how long a partition was away, whatever was published meanwhile
            seen = line["resumed_s"] or [None] * len(struck)
        for fault, seconds in zip(struck, seen, strict=True):
            counts[fault.fault] += 1
            if seconds is not None:
                times[fault.fault].append(seconds)
    rows = ["| fault | struck | recovery seen | p50 s | p95 s | max s |", "|---|---|---|---|---|---|"]
    times["all"], counts["all"] = [s for some in times.values() for s in some], sum(counts.values())
    for fault in (*sorted(counts.keys() - {"all"}), "all"):
        some = sorted(times[fault])
        figures = (statistics.median(some), some[math.ceil(0.95 * len(some)) - 1], some[-1]) if some else ("", "", "")
        shown = " | ".join(f"{figure:.1f}" if figure != "" else "" for figure in figures)
        rows.append(f"| {fault} | {counts[fault]} | {len(some)} | {shown} |")
    violations = [v for line in lines for v in line["violations"]]
    memory_mib = max((line["memory_mib_max"] for line in lines), default=0)
    settle_s = max((line["settle_s"] for line in lines), default=0)
    totals = {name: sum(line[name] for line in lines) for name in ("inputs", "vanished", "escalations")}
    found = (
        f"{len(lines)} rounds, {totals['inputs']:,} inputs, {totals['vanished']:,} of them taken away before they were "
        f"read, {totals['escalations']:,} escalations, {len(violations)} violations. "
        f"{sum(line['kills'] for line in lines)} times a worker was killed -9, "
        f"{sum(line['rebalances'] for line in lines)} or more generations of the group. "
        f"Most memory of a worker: {memory_mib:.0f} MiB. Longest settling after the load ended: {settle_s:.0f} s."
    )
    origin = (
        f"Seeds: {', '.join(str(line['plan']['seed']) for line in lines)}. "
        f"Builds: {', '.join(sorted({line['build'] for line in lines}))}."
    )
    return "\n".join([*rows, "", found, origin])


if __name__ == "__main__":
    sys.exit(main())
