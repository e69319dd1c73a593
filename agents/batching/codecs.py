"""The codecs that aiokafka's compiled record batches use: looked up by name in their module, which lets us put others
there.
"""

import sys
from collections.abc import Callable

from aiokafka.record.default_records import DefaultRecordBatch


def replace_codec(name: str, codec: Callable[..., bytes]) -> None:
    """Have every batch of this process use `codec`. Raises AttributeError where this version of aiokafka has none of
    that name.
    """
    records = sys.modules[DefaultRecordBatch.__module__]
    getattr(records, name)
    setattr(records, name, codec)
