"""The composition root of a worker: settings, roster, ruleset, stages and Faust agents meet here and nowhere else.

`siaga worker` and `faust -A agents.app worker` both run what `create_app` returns.
"""

import functools
import logging
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from aiokafka import TopicPartition
from faust.app.base import BootStrategy

from agents import metrics
from agents.batching import BatchApp, BatchingOptions, Stage, attach
from agents.clock import wall_ms
from agents.intake import IntakeFold
from agents.kafka.connection import aiokafka_options
from agents.metrics_page import serve_metrics
from agents.policy import load_roster, load_ruleset
from agents.risk import RiskFold
from agents.settings import Settings
from agents.shard_metrics import ShardMetrics
from schemas.ledger import TICK_KEY, tick_frame
from schemas.topics import INPUTS, Topic
from streams.admission import ClockMode, Gate
from streams.event_time.sequencer import sequencer_of
from streams.table import RiskTable

log = logging.getLogger(__name__)

LAG_EVERY_S = 2.0
_INTAKE_OUTPUTS = (Topic.LEDGER, Topic.REJECTED)
_RISK_OUTPUTS = (Topic.RISK, Topic.PROVINCE, Topic.ESCALATIONS, Topic.LEDGER)


class Topology:
    """What one worker runs: the stages, and what their folds are made of."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.names = settings.topics
        self.roster = load_roster(settings.roster)
        self.ruleset = load_ruleset(settings.rules)
        self.is_event_clock = settings.clock is ClockMode.EVENT
        self.options = BatchingOptions(client=aiokafka_options(settings), lanes=settings.lanes)
        self._gate = Gate(self.roster, settings.clock)
        self.observers = {name: ShardMetrics(name, settings.topic_prefix) for name in ("intake", "risk")}
        self._inputs = {self.names[topic]: topic for topic in INPUTS}
        self.intake = self._stage("intake", tuple(self._inputs), self._intake_fold, None, _INTAKE_OUTPUTS)
        self.risk = self._stage(
            "risk", (self.names[Topic.LEDGER],), self._risk_fold, self.names[Topic.STATE], _RISK_OUTPUTS
        )

    def _stage(
        self, name: str, topics: tuple[str, ...], new_fold: Any, state_topic: str | None, outputs: tuple[Topic, ...]
    ) -> Stage:
        partitions = range(self.settings.partitions)
        written = [TopicPartition(self.names[topic], partition) for topic in outputs for partition in partitions]
        observer = self.observers[name]
        noted = None if state_topic else self.names[Topic.POSITIONS]
        return Stage(name, self.settings.group, topics, new_fold, state_topic, self.options, observer, written, noted)

    def _intake_fold(self, source: TopicPartition) -> IntakeFold:
        return IntakeFold(
            source,
            self._inputs[source.topic],
            self._gate,
            self.names,
            self.settings.partitions,
            wall_ms,
            self.is_event_clock,
            round(1000 * self.settings.idle_seconds),
        )

    def _risk_fold(self, source: TopicPartition) -> RiskFold:
        partitions = self.settings.partitions
        table = RiskTable(source.partition, partitions, self.roster, self.ruleset)
        return RiskFold(source, table, self.names, partitions, sequencer_of(self.settings.clock, partitions))

    @property
    def stages(self) -> tuple[Stage, ...]:
        return (self.intake, self.risk)


class _NoWeb(BootStrategy):
    """Faust's own web server stays away. `faust worker` turns it on whatever the app's settings say, on every address."""

    enable_web = False


class _App(BatchApp):
    BootStrategy = _NoWeb


def create_app(settings: Settings) -> BatchApp:
    """A worker's Faust app. Raises SettingsError or a roster or ruleset error, each one line."""
    topology = Topology(settings)
    app = _App(
        settings.group,
        batching=topology.options,
        broker=[f"kafka://{server}" for server in settings.bootstrap_servers],
        consumer_group_instance_id=settings.instance,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_recovery_delay=0.0,
        producer_acks=-1,
        producer_linger=0.0,
    )
    # aiokafka builds debug strings for every request even when nobody reads them.
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    attach(app, topology.stages, settings.partitions)
    _add_timers(app, topology)
    metrics.touch_counters()
    metrics.name_sources(settings.known_sources)
    metrics.BUILD.labels(_version(), topology.ruleset.id, settings.clock.value).set(1)
    return app


def _add_timers(app: BatchApp, topology: Topology) -> None:
    ledger = topology.names[Topic.LEDGER]

    if not topology.is_event_clock:

        @app.timer(interval=topology.settings.tick_seconds, on_leader=False)
        async def tick() -> None:
            frame = tick_frame(wall_ms())
            for source in topology.risk.owned:
                await app.producer.send(ledger, TICK_KEY, frame, source.partition, None, None)

    @app.timer(interval=LAG_EVERY_S, on_leader=False)
    async def lag() -> None:
        for stage in topology.stages:
            for source in stage.owned:
                topology.observers[stage.name].lag(source, app.consumer.lag(source))


def _version() -> str:
    try:
        return version("siaga")
    except PackageNotFoundError:
        return "unknown"


@functools.cache
def _default_app() -> BatchApp:
    settings = Settings.load()
    app = create_app(settings)

    @app.task
    async def serve() -> None:
        serve_metrics(settings)

    return app


def __getattr__(name: str) -> Any:
    """`app` for `faust -A agents.app`, built on first use: importing this module reads no setting."""
    if name == "app":
        return _default_app()
    raise AttributeError(name)
