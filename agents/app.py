"""The composition root of a worker: settings, roster, ruleset, stages and Faust agents are put together here only.

`siaga worker` and `faust -A agents.app worker` both run what `create_app` returns.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable
from typing import Any

from aiokafka import TopicPartition
from faust.app.base import BootStrategy

from agents import metrics, topology
from agents.batching import BatchApp, BatchingOptions, Fatal, Fold, Stage, attach
from agents.health import Health, end_when_hopeless
from agents.intake import IntakeFold
from agents.kafka.connection import aiokafka_options
from agents.progress import LOOK_EVERY_S, Progress, Ticks
from agents.risk import RiskFold
from agents.settings import Settings
from agents.shard_metrics import ShardMetrics
from agents.status import own_version, status_of, status_place
from agents.topology import StageTopics
from schemas.ledger import FORMAT_HEADERS, TICK_KEY, tick_frame
from schemas.ledger_form import LedgerForm, shard_names
from schemas.status import EVERY_S
from schemas.topics import Direction, specs_with
from streams.admission import ClockMode, Gate
from streams.event_time.sequencer import sequencer_of
from streams.table import RiskTable

log = logging.getLogger(__name__)

LAG_EVERY_S = 2.0


def wall_ms() -> int:
    """Wall time, Unix milliseconds. It enters here and is written to the ledger; the fold only reads the ledger."""
    return time.time_ns() // 1_000_000


class WorkerStages:
    """The stages of `agents.topology` under one worker's settings, with roster, ruleset and sources file loaded."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self.settings, self.health, self.progress = settings, health, Progress(health)
        self.names = settings.topics
        self.roster, self.ruleset = settings.load_roster(), settings.load_ruleset()
        self.sources, self.stations = settings.load_sources(), settings.load_stations()
        self.is_event_clock = settings.clock is ClockMode.EVENT
        self.options = BatchingOptions(client=aiokafka_options(settings), lanes=settings.lanes)
        self._shards = shard_names(self.sources.inputs, settings.partitions) if self.is_event_clock else None
        self._suspects: set[TopicPartition] = set()  # ledger partitions on which a fold of this process has failed
        self._gate = Gate(self.roster, settings.clock, self.sources)
        self.observers = {
            spec.name: ShardMetrics(spec.name, settings.topic_prefix, self.progress) for spec in topology.STAGES
        }
        specs = specs_with(self.sources.inputs)
        self._inputs = {self.names.of(spec): spec for spec in specs if spec.direction is Direction.IN}
        self.intake = self._stage(topology.INTAKE, self._intake_fold)
        self.risk = self._stage(topology.RISK, self._risk_fold)

    @property
    def stages(self) -> tuple[Stage, ...]:
        return (self.intake, self.risk)

    def _stage(self, spec: StageTopics, new_fold: Callable[[TopicPartition], Fold]) -> Stage:
        partitions = range(self.settings.partitions)
        return Stage(
            spec.name,
            self.settings.group,
            self._topics_of(spec),
            new_fold,
            self.names[spec.state] if spec.state else None,
            self.options,
            self.observers[spec.name],
            self.names[topology.OWNERS],
            self.settings.partitions,
            [TopicPartition(self.names[topic], partition) for topic in spec.outputs for partition in partitions],
            self.names[spec.notes] if spec.notes else None,
        )

    def _topics_of(self, spec: StageTopics) -> tuple[str, ...]:
        """What a stage reads; intake also the topics that publishers have for themselves."""
        own = [name for name, topic in self._inputs.items() if topic.input and topic.topic in spec.inputs]
        return *(self.names[topic] for topic in spec.inputs), *own

    def _intake_fold(self, source: TopicPartition) -> IntakeFold:
        topic = self._inputs[source.topic]
        if self.is_event_clock and source.partition >= self.settings.partitions:
            raise Fatal(
                f"{source.topic} has grown beyond {self.settings.partitions} partitions (SIAGA_PARTITIONS); with "
                f"SIAGA_CLOCK=event inputs cannot: publish the recording to topics of {self.settings.partitions}"
            )
        return IntakeFold(
            source,
            topic.topic,
            self._gate,
            self.names,
            self.settings.partitions,
            wall_ms,
            self.is_event_clock,
            round(1000 * self.settings.idle_seconds),
            topic.input,
        )

    def _risk_fold(self, source: TopicPartition) -> RiskFold:
        partitions, inputs = self.settings.partitions, len(self.sources.inputs)
        table = RiskTable(source.partition, partitions, self.roster, self.ruleset, self.stations)
        sequencer = sequencer_of(self.settings.clock, partitions, inputs)
        is_strict = source in self._suspects
        form = LedgerForm(self.roster, source.partition, partitions, self._shards, is_strict=is_strict)
        suspect = functools.partial(self._suspects.add, source)
        return RiskFold(source, table, self.names, partitions, sequencer, form, suspect)


class _NoWeb(BootStrategy):
    """Without Faust's own web server, which `faust worker` opens on every address whatever the app's settings say."""

    enable_web = False


class _App(BatchApp):
    BootStrategy = _NoWeb


def create_app(settings: Settings, health: Health) -> BatchApp:
    """A worker's Faust app, which reports to `health`.

    Raises SettingsError, one line, also for a wrong roster, ruleset or sources file."""
    pipeline = WorkerStages(settings, health)
    app = _App(
        settings.group,
        batching=pipeline.options,
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
    attach(app, pipeline.stages)
    _add_timers(app, pipeline)
    metrics.touch_counters()
    metrics.name_sources(settings.known_sources)
    metrics.BUILD.labels(own_version(), pipeline.ruleset.id, settings.clock.value).set(1)
    return app


def _add_timers(app: BatchApp, pipeline: WorkerStages) -> None:
    topic, ticks = pipeline.names[topology.TICKS], Ticks(pipeline.health)

    if not pipeline.is_event_clock:

        async def tick() -> None:
            frame = tick_frame(wall_ms())
            for source in filter(ticks.may_send, pipeline.risk.owned):
                ticks.sent(source)
                sent = await app.producer.send(topic, TICK_KEY, frame, source.partition, None, list(FORMAT_HEADERS))
                asyncio.ensure_future(sent).add_done_callback(functools.partial(_tick_delivered, ticks, source))

        app.timer(interval=pipeline.settings.tick_seconds, on_leader=False)(tick)

    async def look() -> None:
        owned = {(stage.name, source) for stage in pipeline.stages for source in stage.owned}
        pipeline.progress.look_at_shards(owned, app.batch_consumer.is_caught_up)
        pipeline.progress.look_at_group(app.batch_consumer.group_silent_s, app.rebalancing)
        ticks.look(pipeline.risk.owned)
        pipeline.health.looked()

    app.timer(interval=LOOK_EVERY_S, on_leader=False)(look)

    async def write_status() -> None:
        partitions = {stage.name: len(stage.owned) for stage in pipeline.stages}
        status = status_of(pipeline.settings, pipeline.health, partitions, wall_ms())
        topic, key, partition = status_place(pipeline.settings)
        await app.producer.send(topic, key, status.record(), partition, None, None)

    app.timer(interval=EVERY_S, on_leader=False)(write_status)

    @app.on_before_shutdown.connect(weak=False)
    async def remove_status(sender: Any, **_: Any) -> None:
        """A worker that ends as it should is no longer a process of the deployment."""
        topic, key, partition = status_place(pipeline.settings)
        await app.producer.send(topic, key, None, partition, None, None)

    async def lag() -> None:
        for stage in pipeline.stages:
            for source in stage.owned:
                pipeline.observers[stage.name].lag(source, app.batch_consumer.lag(source))

    app.timer(interval=LAG_EVERY_S, on_leader=False)(lag)


def _tick_delivered(ticks: Ticks, source: TopicPartition, delivery: asyncio.Future[Any]) -> None:
    ticks.delivered(source, None if delivery.cancelled() else delivery.exception())


@functools.cache
def _default_app() -> BatchApp:
    settings = Settings.load()
    health = Health("worker", settings.topic_prefix)
    app = create_app(settings, health)

    async def serve() -> None:
        metrics.serve_metrics(settings, health)
        end_when_hopeless(health)

    app.task(serve)
    return app


def __getattr__(name: str) -> Any:
    """`app` for `faust -A agents.app`, built on first use: importing this module reads no setting."""
    if name == "app":
        return _default_app()
    raise AttributeError(name)
