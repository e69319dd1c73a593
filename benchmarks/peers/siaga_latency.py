"""Time from just before produce() to an escalation that a read_committed consumer can read, on Siaga's topics.

The harness's own function takes the event id from each output; a Siaga escalation names its regency instead, which the
generator gives to one trigger only."""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import run

from benchmarks.peers.siaga_job import ROOT, SiagaJob, trigger_regency

RATE, WARM_S, TRIGGER_EVERY, THRESHOLD = 500, 15, 100, 16  # the harness's
START_S, END_S = 10, 6  # the harness's


def latency(o: Any, name: str) -> None:
    """Measure and record one row."""
    count = RATE * (o.latency_s + WARM_S)
    job = SiagaJob(o, name, None, THRESHOLD, triggers=count // TRIGGER_EVERY).start()
    time.sleep(START_S)
    seen, log = job.dir / "seen", job.dir / "triggers"
    command = [sys.executable, "-m", "benchmarks.peers.watching", "raised"]
    command += ["--bootstrap", run.BROKER, "--prefix", job.prefix]
    with seen.open("w") as output:
        watch = subprocess.Popen(command, stdout=output, cwd=ROOT)
    before = job.cpu()
    publish(job, count, log)
    used = job.cpu() - before
    time.sleep(END_S)
    watch.terminate()
    watch.wait()
    run.record(o, what="latency", peer=name, cpu_share=round(used / (count / RATE), 3), **figures(log, seen))
    job.end()


def publish(job: SiagaJob, count: int, log: Path) -> None:
    """The harness's generator; with current event times for a worker with the wall clock."""
    is_live = job.env["SIAGA_CLOCK"] == "wall"
    program = ["-m", "benchmarks.peers.live_stream"] if is_live else [str(Path(run.HERE) / "generate.py")]
    arguments = ["--bootstrap", run.BROKER, "--topic", job.prefix + "incidents", "--no-create", "--events", str(count)]
    arguments += ["--rate", str(RATE), "--trigger-every", str(TRIGGER_EVERY), "--trigger-log", str(log)]
    command = [sys.executable, *program, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def figures(log: Path, seen: Path) -> dict[str, float]:
    """Milliseconds after the warm-up, under the harness's names."""
    sent = [(trigger_regency(n), float(line.split()[0])) for n, line in enumerate(log.read_text().splitlines())]
    arrived: dict[str, float] = {}
    for line in seen.read_text().splitlines():
        at, regency = line.split()
        arrived.setdefault(regency, float(at))
    start = sent[0][1] + WARM_S
    measured = [(regency, at) for regency, at in sent if at >= start]
    delays = sorted((arrived[regency] - at) * 1000 for regency, at in measured if regency in arrived)
    row: dict[str, float] = {"n": len(delays), "lost": len(measured) - len(delays)}
    if len(delays) > 10:
        q = statistics.quantiles(delays, n=100, method="inclusive")
        row |= {"p50": round(q[49], 1), "p95": round(q[94], 1), "p99": round(q[98], 1), "max": round(delays[-1], 1)}
    return row
