"""Exactly-once batches for Faust on Kafka. Knows nothing of Siaga; copy the folder to use it elsewhere.

Names are imported when they are first used: a program that only needs `Batch` or `transactional_ids` does not pay for
Faust and aiokafka.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import BatchApp as BatchApp
    from .app import attach as attach
    from .commit.shard import SourceReset as SourceReset
    from .commit.stage import Stage as Stage
    from .consumer.record_stream import Cut as Cut
    from .consumer.record_stream import CutRecord as CutRecord
    from .fold import Batch as Batch
    from .fold import Fatal as Fatal
    from .fold import Fold as Fold
    from .fold import Output as Output
    from .fold import Record as Record
    from .fold import Unreadable as Unreadable
    from .observer import Committed as Committed
    from .observer import Observer as Observer
    from .options import BatchingOptions as BatchingOptions
    from .options import transactional_ids as transactional_ids
    from .partition_end import Progress as Progress
    from .partition_end import committed_end as committed_end
    from .partition_end import committed_reader as committed_reader
    from .partition_end import ends_of as ends_of
    from .partition_end import has_records as has_records
    from .partition_end import read_to_end as read_to_end
    from .partition_end import read_until as read_until
    from .partition_end import unread as unread

_MODULE_OF = {
    "Batch": "fold",
    "BatchApp": "app",
    "BatchingOptions": "options",
    "Committed": "observer",
    "Cut": "consumer.record_stream",
    "CutRecord": "consumer.record_stream",
    "Fatal": "fold",
    "Fold": "fold",
    "Observer": "observer",
    "Output": "fold",
    "Progress": "partition_end",
    "Record": "fold",
    "SourceReset": "commit.shard",
    "Stage": "commit.stage",
    "attach": "app",
    "committed_end": "partition_end",
    "committed_reader": "partition_end",
    "Unreadable": "fold",
    "ends_of": "partition_end",
    "has_records": "partition_end",
    "read_to_end": "partition_end",
    "read_until": "partition_end",
    "transactional_ids": "options",
    "unread": "partition_end",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
