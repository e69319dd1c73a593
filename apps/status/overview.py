"""What is known of a deployment, and the lines that say it. Pure: no Kafka, no clock."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.status import GONE_AFTER_S, ProcessStatus

#: A topic this far behind is named as a problem.
LATE_AFTER_S = 30.0


@dataclass(frozen=True)
class Lag:
    """How far the workers are behind in one topic. `seconds`: the age of the oldest record that is not committed."""

    topic: str
    records: int
    seconds: float


@dataclass(frozen=True)
class Overview:
    """One deployment at one time. `members` of the workers' group; `foreign`: those that read other topics."""

    deployment: str
    group: str
    group_state: str
    members: int
    foreign: int
    processes: tuple[ProcessStatus, ...]
    lags: tuple[Lag, ...]
    now_ms: int
    #: Records of the topic `status` that are none.
    unreadable: int = 0

    def age_s(self, process: ProcessStatus) -> float:
        """Seconds since a process has written its status."""
        return max(0.0, (self.now_ms - process.at_ms) / 1000)

    def is_gone(self, process: ProcessStatus) -> bool:
        """Whether a process has ended or is cut off."""
        return self.age_s(process) > GONE_AFTER_S

    @property
    def present(self) -> tuple[ProcessStatus, ...]:
        """The processes that write their status."""
        return tuple(process for process in self.processes if not self.is_gone(process))


def problems(overview: Overview) -> list[str]:
    """What is wrong, one line each with what to do; none when the deployment works."""
    return [*_of_group(overview), *_of_processes(overview), *_of_lag(overview)]


def _of_group(overview: Overview) -> Iterator[str]:
    if overview.members == 0:
        yield "no worker is in the group: start one (`siaga worker`); input waits in Kafka and is not lost"
    if overview.foreign:
        yield f"{overview.foreign} members of group {overview.group} read other topics: give them another SIAGA_GROUP"
    if overview.members and overview.group_state != "Stable":
        yield f"the group is {overview.group_state}: its partitions are being divided; when it lasts, see the logs"


def _of_processes(overview: Overview) -> Iterator[str]:
    unknown = overview.members - sum(process.role == "worker" for process in overview.present)
    if unknown > 0:
        yield f"{unknown} of {overview.members} workers have written no status: they start, or are of release 0.9"
    for process in overview.processes:
        if overview.is_gone(process):
            age = f"{overview.age_s(process):.0f} s"
            yield f"{process.role} {process.name} on {process.host}: no status for {age}, it was killed or is cut off"
            continue
        for stuck in process.stuck:
            line = f"{stuck.part} has made no progress for {stuck.since_s:.0f} s: {stuck.reason}; {stuck.advice}"
            yield f"{process.role} {process.name}: {line}"
        for wait in process.waiting:
            line = f"{wait.part} has taken nothing for {wait.since_s:.0f} s: {wait.reason}; {wait.advice}"
            yield f"{process.role} {process.name}: {line}"
    if overview.unreadable:
        yield f"{overview.unreadable} records of the topic status cannot be read: see who writes there but Siaga"


def _of_lag(overview: Overview) -> Iterator[str]:
    for lag in overview.lags:
        if lag.seconds >= LATE_AFTER_S:
            behind = f"{lag.topic} is {lag.seconds:.0f} s behind ({lag.records} records)"
            yield f"{behind}: add a worker, or see what is stuck"


def lines(overview: Overview) -> Iterator[str]:
    """Everything, for people. Whoever may write a status wrote it: what is not printable is shown as `?`."""
    for line in _lines(overview):
        yield "".join(letter if letter.isprintable() else "?" for letter in line)


def _lines(overview: Overview) -> Iterator[str]:
    group = f"group {overview.group}: {overview.group_state or 'unknown'}, {overview.members} members"
    yield f"deployment {overview.deployment or '(no prefix)'}, {group}"
    yield from _table([("process", "role", "version", "reads", "status"), *_process_rows(overview)])
    lags = ((lag.topic, f"{lag.seconds:.1f} s", str(lag.records)) for lag in overview.lags)
    yield from _table([("topic", "behind", "records"), *lags])
    found = problems(overview)
    yield from (f"problem: {line}" for line in found)
    if not found:
        yield "everything works"


def _process_rows(overview: Overview) -> Iterator[tuple[str, ...]]:
    for process in overview.processes:
        reads = ", ".join(f"{count} of {stage}" for stage, count in process.partitions.items() if count)
        age = f"{overview.age_s(process):.0f} s ago"
        idle = "stands by" if process.role == "worker" else "-"
        yield process.name, process.role, process.version, reads or idle, age


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
