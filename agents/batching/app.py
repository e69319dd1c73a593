"""A Faust app on the batching transport, and `attach`: an agent per stage, lanes opened on assignment."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterable, Sequence
from typing import Any, cast

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import ConsumerMessage, StreamT

from .backlog import Backlog
from .cluster_watch import ClusterWatch
from .commit.stage import Stage
from .consumer.assignor import Division
from .consumer.consumer import BatchConsumer
from .offsets.lookup import OffsetLookup, Sources
from .options import BatchingOptions
from .patches.faust_transport import App, NoTables
from .producer import BatchProducer
from .retry import start_with_retry

IDLE_EVERY_S = 0.25
UNRECEIVED_AFTER_S = 5.0

log = logging.getLogger(__name__)


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport with a consumer of batches."""

    Consumer = BatchConsumer
    Producer = BatchProducer


class BatchSchema(faust.Schema[Any, Any]):
    """Passes a batch through undecoded: the fold decodes its records."""

    def compile(self, app: Any, **kwargs: Any) -> Any:
        """A decoder that makes an event of a message as it is."""
        create_event = app.create_event

        async def decode(message: ConsumerMessage, *, propagate: bool = False) -> Any:
            return create_event(None, message.value, message.headers, message)

        return decode


class BatchApp(App):
    """`batching` are its options; all other arguments are Faust's. Call `attach` with its stages before it starts."""

    def __init__(self, *args: Any, batching: BatchingOptions, **kwargs: Any) -> None:
        self.batching = batching
        #: Why the process ended by itself.
        self.ended_by: BaseException | None = None
        self.division = Division(batching.lanes)
        super().__init__(*args, TableManager=NoTables, **kwargs)

    def new_transport(self, urls: Any) -> BatchTransport:
        """The transport of consumer or producer."""
        return BatchTransport(urls, self)

    @property
    def batch_consumer(self) -> BatchConsumer:
        """Faust's consumer, with its type."""
        return cast(BatchConsumer, self.consumer)

    def batches(self, topics: Iterable[str], **kwargs: Any) -> Any:
        """A Faust topic whose agent receives `Batch` values."""
        return self.topic(*topics, schema=BatchSchema(), allow_empty=True, **kwargs)

    def end(self, error: BaseException) -> None:
        """End the process as on SIGTERM, because of an error that no retry can help. Callable from any thread."""
        if self.ended_by is None:
            self.ended_by = error
            os.kill(os.getpid(), signal.SIGTERM)

    def divide_among(self, stages: Sequence[Stage]) -> None:
        """Divide the partitions of these stages among the group's members."""
        self.division = Division(self.batching.lanes, tuple(stage.topics for stage in stages))


def attach(app: BatchApp, stages: Sequence[Stage]) -> None:
    """Run `stages` on `app`."""
    app.divide_among(stages)
    for stage in stages:
        _add_agent(app, stage)
    _connect_assignment(app, stages)

    async def idle() -> None:
        for tp in await app.batch_consumer.return_unreceived(UNRECEIVED_AFTER_S):
            log.warning(
                "no agent received the batch of %s[%d] within %.0f s; reading it again", *tp, UNRECEIVED_AFTER_S
            )
        for stage in stages:
            stage.request_idle()

    app.timer(interval=IDLE_EVERY_S, on_leader=False)(idle)


def _add_agent(app: BatchApp, stage: Stage) -> None:
    """An agent that awaits no commit: of each partition one batch is in flight, and a lane commits several at once."""
    committing: set[asyncio.Task[None]] = set()

    async def process(stream: StreamT[Any]) -> None:
        async for event in stream.events():
            batch = app.batch_consumer.process(event.message.tp, cast(Any, event.value), stage.commit)
            task = asyncio.create_task(batch)
            committing.add(task)
            task.add_done_callback(committing.discard)

    process.__name__ = stage.name
    app.agent(app.batches(sorted(stage.topics)), name=f"{app.conf.id}.{stage.name}")(process)


def _connect_assignment(app: BatchApp, stages: Sequence[Stage]) -> None:
    started: list[OffsetLookup] = []
    backlog = Backlog()
    watch = ClusterWatch(app.batching, min(stages[0].topics))

    async def start() -> None:
        started.append(OffsetLookup(app.conf.id, app.batching))
        await started[0].start()
        watch.start()

    @app.on_partitions_assigned.connect(weak=False)
    async def assign(sender: Any, assigned: Any, **_: Any) -> None:
        if not started:
            await start_with_retry(start, lambda: started.pop().close())
        for stage in stages:
            is_fixed = app.batch_consumer.is_division_fixed
            await stage.assign(_sources(app, started[0], backlog), assigned, is_fixed=is_fixed)

    @app.on_before_shutdown.connect(weak=False)
    async def close(sender: Any, **_: Any) -> None:
        for stage in stages:
            await stage.close()
        for lookup in started:
            await lookup.close()
        await watch.close()


def _sources(app: BatchApp, lookup: OffsetLookup, backlog: Backlog) -> Sources:
    return Sources(
        committed=lookup.committed,
        end_offset=lookup.end_offset,
        beginning_offset=lookup.beginning_offset,
        rewind=lambda tp, offset: app.batch_consumer.rewind(tp, offset),
        is_caught_up=lambda tp: app.batch_consumer.is_caught_up(tp),
        is_assignment_stable=lambda: not (app.rebalancing or app.should_stop),
        end=app.end,
        backlog=backlog,
    )
