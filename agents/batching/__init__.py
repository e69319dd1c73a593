"""Exactly-once batches for Faust on Kafka. Knows nothing of Siaga; copy the folder to use it elsewhere.

Names are imported when they are first used: a program that only needs `Batch` or `transactional_ids` does not pay for
Faust and aiokafka.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import attach as attach
    from .fold import Batch as Batch
    from .fold import Fold as Fold
    from .fold import Output as Output
    from .fold import Record as Record
    from .inflating import Cut as Cut
    from .naming import transactional_ids as transactional_ids
    from .observer import Committed as Committed
    from .observer import Observer as Observer
    from .options import BatchingOptions as BatchingOptions
    from .partition_end import Progress as Progress
    from .partition_end import committed_end as committed_end
    from .partition_end import committed_reader as committed_reader
    from .partition_end import ends_of as ends_of
    from .partition_end import has_records as has_records
    from .partition_end import read_to_end as read_to_end
    from .partition_end import read_until as read_until
    from .partition_end import unread as unread
    from .shard import SourceReset as SourceReset
    from .stage import Stage as Stage
    from .transport import BatchApp as BatchApp

_MODULES = {
    "app": ("attach",),
    "fold": ("Batch", "Fold", "Output", "Record"),
    "inflating": ("Cut",),
    "naming": ("transactional_ids",),
    "observer": ("Committed", "Observer"),
    "options": ("BatchingOptions",),
    "partition_end": (
        "Progress",
        "committed_end",
        "committed_reader",
        "ends_of",
        "has_records",
        "read_to_end",
        "read_until",
        "unread",
    ),
    "shard": ("SourceReset",),
    "stage": ("Stage",),
    "transport": ("BatchApp",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
