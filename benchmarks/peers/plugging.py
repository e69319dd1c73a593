"""Adds Siaga to the harness: to its table of peers, and to what it starts, measures and judges for a name.

For every other peer the harness's functions run unchanged.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, cast

import run

from benchmarks.peers.siaga_job import KIND, SiagaJob, outcome
from benchmarks.peers.siaga_latency import latency

Measure = Callable[..., Any]


def plug(
    peers: dict[str, tuple[dict[str, str], str, int]], latency_only: set[str], throughput_only: set[str], python: str
) -> ModuleType:
    """Return the harness's module with Siaga in it. `python` is the interpreter with Siaga's packages."""
    run.PEERS = {name: (KIND, *rest) for name, rest in peers.items()} | run.PEERS
    run.NO_LATENCY |= throughput_only
    run.Job.__new__ = staticmethod(_job_of)
    run.outcome = _outcome(run.outcome)
    run.latency = _latency(run.latency)
    run.throughput = _without(latency_only, run.throughput)
    run.kill = _without(latency_only | throughput_only, run.kill)
    bench = run.bench

    def bench_with_siaga(o: Any) -> None:
        o.siaga_python = python
        bench(o)

    run.bench = bench_with_siaga
    return cast(ModuleType, run)


def _is_siaga(name: str) -> bool:
    return bool(run.PEERS[name][0] == KIND)


def _job_of(job: type, _o: Any, name: str, *_: Any, **__: Any) -> Any:
    return object.__new__(SiagaJob if _is_siaga(name) else job)


def _outcome(theirs: Measure) -> Measure:
    def either(o: Any, job: Any, threshold: int, limit: float) -> tuple[dict[str, Any], float]:
        return outcome(job, limit) if _is_siaga(job.name) else theirs(o, job, threshold, limit)

    return either


def _latency(theirs: Measure) -> Measure:
    def either(o: Any, name: str, broker: Any) -> None:
        latency(o, name) if _is_siaga(name) else theirs(o, name, broker)

    return either


def _without(names: set[str], measure: Measure) -> Measure:
    def unless(o: Any, name: str, broker: Any) -> None:
        if name not in names:
            measure(o, name, broker)

    return unless
