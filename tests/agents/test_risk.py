"""The risk fold refuses what Siaga did not write, whatever the clock, and names its position."""

from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from agents.batching import Batch
from agents.risk import ForeignLedgerRecord, RiskFold
from schemas.topics import TopicNames
from streams.event_time.sequencer import Sequencer
from streams.table import RiskTable
from tests.streams.ledgers import COMPILED, ROSTER

LEDGER = TopicPartition("siaga.ledger", 0)


@pytest.mark.parametrize("sequencer", [None, Sequencer(2)], ids=["wall clock", "event clock"])
@pytest.mark.parametrize("value", [None, b"", b"{}", b"[]", b"\xff", b'[["i",0,"a"'])
def test_a_record_that_is_no_frame_stops_the_shard(sequencer, value):
    fold = RiskFold(LEDGER, RiskTable(0, 1, ROSTER, COMPILED), TopicNames("siaga."), 1, sequencer)
    record = SimpleNamespace(offset=7, key=b"16.71", value=value, headers=(), timestamp=1)
    with pytest.raises(ForeignLedgerRecord, match=r"siaga\.ledger\[0\]@7: offset 7 of the ledger is not a frame"):
        list(fold.fold(Batch([record], 7, 8, 8)))
