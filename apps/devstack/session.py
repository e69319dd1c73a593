"""One run of `siaga up`: start everything in order, watch it, print level changes, stop everything.

All in one thread: children are tied to the thread that started them (apps/embedded/process.py), and a single loop needs
no locks. It polls the escalations, checks the children, and starts over."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from agents.settings import PREFIX, Settings, variable_of
from apps.devstack.children import Child, kill_all, stop_all
from apps.devstack.election_days import SimulatedDay, take_day
from apps.devstack.level_changes import LevelChanges
from apps.devstack.ports import WORKERS, Ports
from apps.devstack.run_directory import RunDirectory, UpError
from apps.embedded import EmbeddedBroker, EmbeddedCluster
from apps.embedded.jars import Progress, kafka_version
from apps.embedded.ports import LOOPBACK, is_free

READY_WITHIN_S = 60.0
TOPICS_WITHIN_S = 60.0
# Together less than the 10 s within which everything must have stopped.
CHILDREN_GRACE_S = 5.0
BROKER_GRACE_S = 3.0
BROKER_RESTARTS_MAX = 3
#: How long one of several brokers stays away after it ended: longer than the others take to lead in its place.
ABSENCE_S = 20.0
_POLL_MS = 250
# Settings that `siaga up` passes on; the others describe another broker or are set per child.
PASSED_ON = (
    "topic_prefix", "partitions", "retention_days", "roster", "rules", "sources_file", "tick_seconds", "log_format",
    "log_level",
)  # fmt: skip


@dataclass(frozen=True)
class RunOptions:
    """Options of one run beside the settings. `say` prints a line; `siaga` is how a person calls the command."""

    speed: float
    say: Callable[[str], None]
    progress: Progress | None = None
    siaga: str = "siaga"


class Session:
    """Everything `siaga up` runs. Call `run`; everything it started has stopped when it returns or raises."""

    def __init__(self, settings: Settings, directory: RunDirectory, ports: Ports, options: RunOptions) -> None:
        addresses = ",".join(f"{LOOPBACK}:{port}" for port in ports.brokers)
        self.settings = settings.model_copy(update={"broker": addresses})
        self.directory, self.ports, self.options, self.say = directory, ports, options, options.say
        self.kafka: EmbeddedBroker | EmbeddedCluster
        if len(ports.brokers) == 1:
            self.kafka = EmbeddedBroker(directory.broker, ports.brokers[0])
        else:
            self.kafka = EmbeddedCluster(directory.cluster(len(ports.brokers)), len(ports.brokers), ports.brokers)
        self.day: SimulatedDay | None = None
        self.day_began = 0.0
        self.simulate = self._child("simulate", [])
        self.services = [
            *(
                self._child(f"worker-{number}", ["worker"], metrics_port=port, instance=f"up-{number}")
                for number, port in enumerate(ports.metrics, 1)
            ),
            self._child("board", ["board"], board_port=ports.board),
        ]
        self._broker_restarts = 0
        self._absent_since: dict[str, float] = {}
        self._starting: set[str] = set()

    @property
    def brokers(self) -> dict[str, EmbeddedBroker]:
        """By what a line calls each."""
        if isinstance(self.kafka, EmbeddedBroker):
            return {"the broker": self.kafka}
        return {f"broker {number}": broker for number, broker in enumerate(self.kafka.brokers, 1)}

    @property
    def children(self) -> list[Child]:
        return [*self.services, self.simulate]

    def run(self) -> None:
        """Until Ctrl-C or SIGTERM. Raises UpError or BrokerError when it cannot start or continue."""
        with _signals_interrupt():
            try:
                self._start()
                self._watch()
            except KeyboardInterrupt:
                self.say("stopping")
            finally:
                self._stop()

    def _start(self) -> None:
        began = time.monotonic()
        count = len(self.ports.brokers)
        self.say(f"starting Apache Kafka {kafka_version()}" + (f", {count} brokers" if count > 1 else ""))
        self.kafka.start(progress=self.options.progress)
        self._child("topics", ["topics"]).run_to_end(TOPICS_WITHIN_S)
        self.level_changes = LevelChanges(self.settings)
        self.say(f"starting {WORKERS} workers and the board")
        for child in self.services:
            child.start()
        self._next_day(staged=True)
        self._wait_ready(time.monotonic() + READY_WITHIN_S)
        for line in self._addresses(time.monotonic() - began):
            self.say(line)

    def _wait_ready(self, deadline: float) -> None:
        waiting = {self.ports.board: "the board", **dict.fromkeys(self.ports.metrics, "a worker")}
        while waiting:
            for child in self.services:
                if child.status is not None:
                    raise UpError(f"{child.end_in_words()} (log: {child.log})")
            waiting = {port: what for port, what in waiting.items() if is_free(port)}
            if time.monotonic() > deadline:
                raise UpError(
                    f"{next(iter(waiting.values()))} did not start in {READY_WITHIN_S:.0f} s; see {self.directory.logs}"
                )
            time.sleep(0.1)

    def _addresses(self, took_s: float) -> Iterator[str]:
        assert self.day is not None
        yield f"ready after {took_s:.0f} s:"
        yield f"  board    http://{LOOPBACK}:{self.ports.board}/"
        yield "  metrics  " + "  ".join(f"http://{LOOPBACK}:{port}/metrics" for port in self.ports.metrics)
        some = list(self.brokers.values())
        addresses = self.kafka.bootstrap.replace(",", " ")
        yield f"  broker   {addresses}  (SIAGA_BROKER={some[0].bootstrap} {self.options.siaga} tail risk)"
        if len(some) > 1:
            pids = ", ".join(str(broker.pid) for broker in some)
            yield f"           every record has three copies; kill -9 any one of {pids} and the others go on"
        logs = some[0].log_path if len(some) == 1 else self.kafka.directory
        yield f"  logs     {self.directory.logs}  and  {logs}"
        speed = self.options.speed
        yield f"election day {self.day.date} in Sumatera Selatan, simulated at {speed:g} times real time"
        yield "level changes follow; Ctrl-C stops everything"

    def _watch(self) -> None:
        while True:
            for line in self.level_changes.read(_POLL_MS):
                self.say(line)
            for name, broker in self.brokers.items():
                if not broker.running:
                    self._restart_broker(name, broker)
                elif name in self._starting and broker.answers:
                    self._starting.remove(name)
                    self.say(f"{name} is running again")
            for child in self.services:
                if child.status is not None:
                    self._restart(child)
            if self.simulate.status == 0:
                self._next_day(staged=False)
            elif self.simulate.status is not None:
                self._resume_day()

    def _restart(self, child: Child) -> None:
        line = child.end_in_words()
        if not child.may_restart:
            raise UpError(f"{line}; not restarted (log: {child.log})")
        self.say(f"{line}; restarted")
        child.start()

    def _restart_broker(self, name: str, broker: EmbeddedBroker) -> None:
        """At once where it is the only one; of several after a while, so that one sees the others go on without it."""
        others_run = sum(other.running for other in self.brokers.values())
        may_wait = 2 * others_run > len(self.brokers)
        now = time.monotonic()
        if name not in self._absent_since:
            self._absent_since[name] = now
            self._broker_restarts += 1
            if self._broker_restarts > BROKER_RESTARTS_MAX:
                raise UpError(f"{name} {broker.end_in_words}; not restarted (log: {broker.log_path})")
            then = (
                f"the others go on, it starts again in {ABSENCE_S:.0f} s" if may_wait else "restarting it on its data"
            )
            self.say(f"{name} {broker.end_in_words}; {then}")
        if may_wait and now < self._absent_since[name] + ABSENCE_S:
            return
        for one, absent in self.brokers.items():
            if not absent.running:  # all of them: one alone may not be able to answer
                absent.prepare()
                absent.launch()
                self._absent_since.pop(one, None)
                self._starting.add(one)

    def _next_day(self, staged: bool) -> None:
        self.day = take_day(self.directory.days, staged)
        self.day_began = time.monotonic()
        self.simulate.arguments = self.day.arguments(self.options.speed)
        if not staged:
            self.level_changes.announce(self.day.date)
        self.simulate.start()

    def _resume_day(self) -> None:
        """Continue at the time the simulation had reached; messages sent twice count as duplicates."""
        assert self.day is not None
        self.simulate.arguments = self.day.arguments(self.options.speed, time.monotonic() - self.day_began)
        self._restart(self.simulate)

    def _stop(self) -> None:
        """Stop everything within CHILDREN_GRACE_S + BROKER_GRACE_S; at once on a second Ctrl-C."""
        with _signals_call(self._kill):
            stop_all(self.children, CHILDREN_GRACE_S)
            self.kafka.stop(BROKER_GRACE_S)

    def _kill(self) -> None:
        kill_all(self.children)
        for broker in self.brokers.values():
            with suppress(Exception):
                os.killpg(broker.pid, signal.SIGKILL)

    def _child(self, name: str, arguments: list[str], **settings: object) -> Child:
        log = self.directory.logs / f"{name}.log"
        return Child(name, arguments, log, child_environment(self.settings, self.directory, settings))


def child_environment(settings: Settings, directory: RunDirectory, own: Mapping[str, object]) -> dict[str, str]:
    """The environment of a child: ours, with every SIAGA_* variable replaced by this run's."""
    values = {name: getattr(settings, name) for name in PASSED_ON} | {
        "broker": settings.broker,
        "clock": "event",
        "data_dir": directory.worker_data,
        "metrics_host": LOOPBACK,
        "board_host": LOOPBACK,
        **own,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    decided = {variable_of(name): str(value) for name, value in values.items() if value is not None}
    return inherited | decided | {"PYTHONUNBUFFERED": "1"}


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Handle SIGTERM and SIGHUP like Ctrl-C."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with _signals_call(interrupt):
        yield


@contextmanager
def _signals_call(action: Callable[[], None]) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: action()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
