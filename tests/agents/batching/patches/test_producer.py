"""What is mended of aiokafka's transactional producer, and the parts of it that this relies on."""

import asyncio
import inspect
import random
from types import SimpleNamespace

import cramjam
import pytest
import zstandard
from aiokafka.errors import ProducerFenced
from aiokafka.producer import sender
from aiokafka.producer.producer import AIOKafkaProducer
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from agents.batching import BatchingOptions
from agents.batching.patches.producer import compress_zstd_at, while_sending


def parameters(function) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_pause_between_transactions_is_a_constant_of_the_sender():
    assert "BACKOFF_OVERRIDE" in inspect.getsource(sender.AddPartitionsToTxnHandler)
    assert 0 < sender.BACKOFF_OVERRIDE <= 0.02


def test_batches_are_compressed_at_the_level_that_is_set():
    compress_zstd_at(BatchingOptions().zstd_level)
    builder = DefaultRecordBatchBuilder(2, 4, True, 7, 0, -1, 1 << 20)  # 4: zstd
    value = random.Random(7).randbytes(2_000).hex().encode()
    builder.append(0, timestamp=0, key=None, value=value, headers=[])
    built = bytes(builder.build())
    records = zstandard.ZstdDecompressor().decompress(built[61:])  # behind the head of a batch
    at = {level: bytes(cramjam.zstd.compress(records, level=level)) for level in (1, 3)}
    assert at[1] != at[3] and built[61:] == at[1]


async def test_who_waits_for_a_delivery_gets_the_error_that_ended_the_sender():
    async def fenced() -> None:
        raise ProducerFenced

    async def never_delivered() -> None:
        await asyncio.get_running_loop().create_future()

    producer = SimpleNamespace(_sender=SimpleNamespace(sender_task=asyncio.create_task(fenced())))
    with pytest.raises(ProducerFenced):
        await asyncio.wait_for(while_sending(producer, never_delivered()), 5)


def test_a_group_and_partitions_without_records_fit_into_a_transaction():
    assert parameters(sender.Sender._do_add_offsets_to_txn) == ["self", "group_id"]
    assert "consumer_group_added" in inspect.getsource(sender.AddOffsetsToTxnHandler.handle_response)
    assert parameters(TransactionManager.maybe_add_partition_to_txn) == ["self", "tp"]
    assert "_txn_consumer_group" in inspect.getsource(TransactionManager.is_empty_transaction)


def test_producer_batches_can_be_built_by_hand_and_sent_inside_a_transaction():
    assert parameters(AIOKafkaProducer.send_batch) == ["self", "batch", "topic", "partition"]
    assert "is_in_transaction" in inspect.getsource(AIOKafkaProducer.send_batch)
