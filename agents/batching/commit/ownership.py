"""Who may write what follows from a source partition: at most one lane, whichever lanes there were before.

Which partitions share a lane changes with the members of the group, so a transactional id alone fences nobody who held
a partition in another lane. Every lane has an id of its own, and claims its partitions in a compacted topic before it
reads how far they are:

1. Commit a claim on each partition under the lane's id.
2. Read the claims up to its own. Transactions are read in the order in which they are resolved: of two lanes that claim
   the same partition, the later one finds the earlier one's claim.
3. Fence every other id that has claimed a partition of it, and finish the markers of its transactions.
4. Delete those claims: their ids can commit nothing any more.

A lane that wakes after another one has claimed a partition of it is fenced at its next transaction. So the state and
the positions that are read after step 3 are the last ones. The argument holds whatever order two lanes come in; a lane
that is fenced between its own steps fails, and claims again when it reopens.

Release 0.9 claims nothing. Its ids follow from its number of lanes, and count as claims on every partition.
"""

import asyncio
import json
import logging
import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced

from ..fold import Output
from ..format import decoded, encoded
from ..partition_end import read_to_end
from .spec import StageSpec
from .transactor import Ends, Transactor

log = logging.getLogger(__name__)

#: Two lanes that fence the same id at once disturb each other: so many tries, with a pause of up to so much between.
TRIES, PAUSE_S = 40, 0.25


class OwnerLost(Exception):
    """An earlier owner could not be fenced within the tries."""


@dataclass(frozen=True)
class _Claim:
    stage: str
    source: TopicPartition
    owner: str

    @property
    def key(self) -> bytes:
        return json.dumps([self.stage, *self.source, self.owner]).encode()


async def take_ownership(
    transactor: Transactor, owner: str, sources: Collection[TopicPartition], spec: StageSpec
) -> None:
    """Claim these sources for the lane whose started producer has the transactional id `owner`; return when nobody else
    can write what follows from them. Raises what aiokafka raises, and OwnerLost.
    """
    mine = {_Claim(spec.stage, source, owner) for source in sources}
    ends = await transactor.commit([_record(claim, spec) for claim in mine], {})
    found = await _claims(ends, spec)
    others = {claim for claim in found - mine if claim.stage == spec.stage and claim.source in sources}
    written: dict[str, set[TopicPartition]] = {}
    for claim in others | {_Claim(spec.stage, source, spec.fixed_id(source)) for source in sources}:
        written.setdefault(claim.owner, set()).add(claim.source)
    written.pop(owner, None)
    await asyncio.gather(*(_fence(earlier, its, spec) for earlier, its in written.items()))
    if others:
        await transactor.commit([_record(claim, spec, is_deleted=True) for claim in others], {})


def _record(claim: _Claim, spec: StageSpec, *, is_deleted: bool = False) -> Output:
    value = None if is_deleted else encoded({})
    return Output(spec.owners_topic, spec.number_of(claim.source), claim.key, value)


def _claim_of(key: bytes) -> _Claim:
    stage, topic, partition, owner = json.loads(key)
    return _Claim(stage, TopicPartition(topic, partition), owner)


async def _claims(ends: Ends, spec: StageSpec) -> set[_Claim]:
    """The claims in these partitions, up to these ends."""
    found: dict[bytes, _Claim] = {}

    def take(_: TopicPartition, record: Any) -> None:
        if record.value is None:
            found.pop(record.key, None)
        else:
            decoded("a claim of another lane", record.value)
            found[record.key] = _claim_of(record.key)

    await read_to_end(spec.options.reader, ends, take, ends)
    return set(found.values())


async def _fence(owner: str, sources: Iterable[TopicPartition], spec: StageSpec) -> None:
    """End what this id could still commit, and have the markers of its transactions written."""
    written = spec.written_by(frozenset(sources))
    for _ in range(TRIES):
        transactor = Transactor(owner, spec.group, spec.options)
        try:
            await transactor.start()
            await transactor.finish_markers(written)
            return
        except (ProducerFenced, InvalidProducerEpoch):  # by another lane that takes over partitions of the same owner
            await asyncio.sleep(random.uniform(0, PAUSE_S))
        finally:
            await transactor.close()
    raise OwnerLost(f"{owner}, which has written {spec.stage} before, was fenced by others {TRIES} times")
