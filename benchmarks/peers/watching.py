"""Watch Siaga's committed records from a separate process.

decided  print "wall_time n" whenever risk rows count more input records: applied, duplicate or excluded. Rejected
         records are added, but cause no line by themselves unless they complete --total, because intake alone is no
         progress. --total is reached only when the whole ledger is folded and its rows are readable.
raised   print "wall_time regency" for each escalation that raises a level"""

import argparse
import json
import sys
import time

from confluent_kafka import Message

from benchmarks.peers.reading import consumer, good


class Decided:
    """The number of decided input records, while event time spans less than the longest window, 24 hours."""

    def __init__(self) -> None:
        self._rejected = 0
        self._of: dict[bytes, int] = {}

    def take(self, message: Message) -> None:
        if message.topic().endswith("rejected"):
            self._rejected += 1
        else:
            row = json.loads(message.value())
            self._of[message.key()] = row["windows"]["24h"]["incidents"] + sum(row["excluded"].values())

    @property
    def folded(self) -> int:
        return sum(self._of.values())

    @property
    def count(self) -> int:
        return self._rejected + self.folded


def watch_decided(bootstrap: str, prefix: str, partitions: int, total: int) -> None:
    reader = consumer(bootstrap, [prefix + "risk", prefix + "rejected"], partitions, wait_ms=50)
    decided = Decided()
    printed: tuple[int, bool] | None = None
    while True:
        for message in good(reader.consume(500, 0.05)):
            decided.take(message)
        state = decided.folded, decided.count == total
        if state != printed:
            printed = state
            print(f"{time.time():.3f} {decided.count}", flush=True)


def watch_raised(bootstrap: str, prefix: str, partitions: int, _total: int) -> None:
    reader = consumer(bootstrap, [prefix + "escalations"], partitions, wait_ms=10)
    while True:
        for message in good(reader.consume(1, 1.0)):
            now, escalation = time.time(), json.loads(message.value())
            if escalation["change"] == "raised":
                sys.stdout.write(f"{now:.6f} {escalation['regency']}\n")
                sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["decided", "raised"])
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--total", type=int, default=0, help="how many input records there are")
    chosen = parser.parse_args()
    watch = {"decided": watch_decided, "raised": watch_raised}[chosen.what]
    watch(chosen.bootstrap, chosen.prefix, chosen.partitions, chosen.total)


if __name__ == "__main__":
    main()
