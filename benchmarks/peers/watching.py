"""Watch Siaga from outside, as a process of its own, on committed records only.

decided  print "wall_time n" whenever risk rows that can be read tell of more input records: applied, or counted as
duplicate or
         excluded. Records rejected so far are added, but do not make it speak by themselves, unless they are the last
         of --total: intake alone is no progress. That number is reached only when the whole ledger is folded and its
         rows are out.
raised   print "wall_time regency" for each escalation that raises a level"""

import argparse
import json
import sys
import time

from confluent_kafka import Message

from benchmarks.peers.reading import consumer, good


class Decided:
    """How many input records are decided, as long as no more than the 24 hours of the longest window have passed."""

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
    decided, told = Decided(), None
    while True:
        for message in good(reader.consume(500, 0.05)):
            decided.take(message)
        state = decided.folded, decided.count == total
        if state != told:
            told = state
            print(f"{time.time():.3f} {decided.count}", flush=True)


def watch_raised(bootstrap: str, prefix: str, partitions: int, _total: int) -> None:
    reader = consumer(bootstrap, [prefix + "escalations"], partitions, wait_ms=10)
    while True:
        for message in good(reader.consume(1, 1.0)):
            now, told = time.time(), json.loads(message.value())
            if told["change"] == "raised":
                sys.stdout.write(f"{now:.6f} {told['regency']}\n")
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
