"""`python -m benchmarks [micro] [drain] [latency] [--events N] [--seconds S] [--rates 20,200,2000]`: measure, print figures."""

import argparse
import asyncio
import json

from benchmarks.drain import drain
from benchmarks.latency import latency
from benchmarks.micro import calls, micro


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["micro", "drain", "latency"], help="micro, drain, latency")
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--workers", default="1,2", help="worker counts for drain")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--warm", type=float, default=40, help="seconds of load before latency is measured")
    parser.add_argument("--rates", default="20,200,2000", help="events a second for latency")
    parser.add_argument("--triggers", type=int, default=300, help="escalations over which latency is told")
    parser.add_argument("--skew", type=float, default=0.0, help="share of the load that one regency has besides its part")
    chosen = parser.parse_args()
    if "micro" in chosen.what:
        for part, figures in micro().items():
            print("micro", json.dumps({"part": part} | figures), flush=True)
        print("calls per event", json.dumps(calls()), flush=True)
    if "drain" in chosen.what:
        for workers in chosen.workers.split(","):
            print("drain", json.dumps(asyncio.run(drain(chosen.events, int(workers)))), flush=True)
    if "latency" in chosen.what:
        for rate in chosen.rates.split(","):
            figures = latency(int(rate), chosen.seconds, chosen.warm, chosen.triggers, chosen.skew)
            print("latency", json.dumps(asyncio.run(figures)), flush=True)


if __name__ == "__main__":
    main()
