"""What a process says of itself on Kafka: its status is the current record of its name in the topic `status`."""

import os
import socket
import zlib
from importlib.metadata import PackageNotFoundError, version

from agents.health import Health
from agents.settings import Settings
from schemas.status import ProcessStatus, StuckPart


def own_version() -> str:
    """The version of Siaga that runs; `unknown` where it is not installed."""
    try:
        return version("siaga")
    except PackageNotFoundError:
        return "unknown"


def process_name(settings: Settings) -> str:
    """A name of this process: its instance, or host and process number."""
    return settings.instance or f"{socket.gethostname()}-{os.getpid()}"


def status_of(settings: Settings, health: Health, partitions: dict[str, int], now_ms: int) -> ProcessStatus:
    """The status of this process now. `partitions`: how many it reads, by stage."""
    stuck = tuple(StuckPart(one.part, round(one.since_s, 1), one.reason, one.advice) for one in health.stuck())
    name = process_name(settings)
    return ProcessStatus(name, health.role, socket.gethostname(), own_version(), now_ms, partitions, stuck)


def partition_for(name: str, settings: Settings) -> int:
    """The partition of a process's record."""
    return zlib.crc32(name.encode()) % settings.partitions
