"""A cache of Kafka's classes, loaded and linked (JEP 514): with it a broker starts in half the time.

The tests start some hundred brokers and tools, so they make it once. Nothing needs it.
"""

import fcntl
import tempfile
from pathlib import Path

from apps.embedded.broker import EmbeddedBroker
from apps.embedded.jars import fetch_jars
from apps.embedded.java import start_cache

#: The JVM writes the cache when it ends: some seconds, more on a busy machine.
WRITES_WITHIN_S = 120.0


def make_start_cache() -> None:
    """Run a broker once, and keep what its JVM has learnt; nothing where it was kept already. Safe to call from several
    processes. Raises BrokerError."""
    fetch_jars()
    kept = start_cache()
    with (kept.parent / ".start-cache.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.is_file():
            return
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".start-cache-") as scratch:
            written = Path(scratch) / kept.name
            broker = EmbeddedBroker(Path(scratch) / "broker", jvm=(f"-XX:AOTCacheOutput={written}",)).start()
            broker.stop(WRITES_WITHIN_S)
            if written.is_file():
                written.replace(kept)
