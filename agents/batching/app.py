"""Ties stages to a Faust app: an agent per stage, shards opened on assignment, everything closed on the way out."""

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from agents.batching.asking import Asking
from agents.batching.lanes import Lanes
from agents.batching.patience import start_patiently
from agents.batching.shard import Sources
from agents.batching.stage import Stage
from agents.batching.transport import BatchApp
from agents.batching.work import Reader

IDLE_EVERY_S = 0.25
LOST_AFTER_S = 5.0

log = logging.getLogger(__name__)


def attach(app: BatchApp, stages: Sequence[Stage], partitions: int) -> None:
    """Run `stages` on `app`. `partitions` is the partition count of the source topics."""
    app.lanes = Lanes(app.batching.lanes, tuple(stage.topics for stage in stages))
    for stage in stages:
        _add_agent(app, stage, concurrency=partitions * len(stage.topics))
    _connect_assignment(app, stages)

    @app.timer(interval=IDLE_EVERY_S, on_leader=False)
    async def idle() -> None:
        for tp in await app.consumer.release_lost(LOST_AFTER_S):
            log.warning("the batch of %s[%d] reached no agent; reading on", *tp)
        for stage in stages:
            stage.idle()


def _add_agent(app: BatchApp, stage: Stage, concurrency: int) -> None:
    """As many actors as partitions can be in flight: a lane commits what all of its partitions brought."""

    async def process(stream: Any) -> AsyncIterator[None]:
        async for event in stream.events():
            tp = event.message.tp
            app.consumer.take(tp)
            if await stage.handle(tp, event.value):
                app.consumer.release(tp)
            else:
                await app.consumer.give_back(tp, event.value.start_offset)

    process.__name__ = stage.name
    app.agent(app.batches(sorted(stage.topics)), name=f"{app.conf.id}.{stage.name}", concurrency=concurrency)(process)


def _connect_assignment(app: BatchApp, stages: Sequence[Stage]) -> None:
    asking: list[Asking] = []

    async def connect() -> None:
        asking.append(Asking(app.conf.id, app.batching))
        await asking[0].start()

    @app.on_partitions_assigned.connect(weak=False)
    async def assigned(sender: Any, assigned: Any, **_: Any) -> None:
        if not asking:
            await start_patiently(connect, lambda: asking.pop().close())
        reader = Reader(
            sources=Sources(asking[0].committed, asking[0].end_offset),
            beginning_offset=asking[0].beginning_offset,
            rewind=app.consumer.rewind,
            caught_up=app.consumer.is_caught_up,
            steady=lambda: not (app.rebalancing or app.should_stop),
        )
        for stage in stages:
            await stage.assign(reader, assigned)

    @app.on_before_shutdown.connect(weak=False)
    async def close(sender: Any, **_: Any) -> None:
        for stage in stages:
            await stage.close()
        for connected in asking:
            await connected.close()
