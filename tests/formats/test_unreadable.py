"""What cannot be read ends with one line, or is built again from the ledger without publishing anything twice."""

import json
import re

import orjson
import pytest
from aiokafka import TopicPartition

from agents.batching import Batch, Fatal, Unreadable
from agents.batching.commit.shard import Shard
from agents.risk import RiskFold
from schemas.ledger import FORMAT, FORMAT_HEADER, NewerFrame, NotAFrame, check_format
from streams.admission import ClockMode
from streams.event_time.sequencer import SOURCES_KEY
from streams.storage.format import FORMAT as STATE_FORMAT
from tests.formats.continued import LEDGER, STATE, Dump, Policy
from tests.formats.fingerprint import dump_of

PARTITION = 1
KEYS = [b"16.71/h", b"18.71/h", b"16.71/i/", b"16.71/t/", b"16.01/s/", b"16.71/d/"]


@pytest.fixture
def dump() -> Dump:
    return dump_of("0.9.0", "wall")[0]


def policy() -> Policy:
    return dump_of("0.9.0", "wall")[1]


def restored(state: dict[bytes, bytes], clock: ClockMode = ClockMode.WALL, partition: int = PARTITION) -> RiskFold:
    """A fold that is given the state as its shard gives it."""
    fold = policy().risk_fold(partition, 2, clock)
    for key, value in state.items():
        if not key.startswith((b"@next", b"@begin")):
            fold.restore(key, value)
    fold.restored("")
    return fold


def of_format(number: int, key: bytes, value: bytes) -> bytes:
    """A record under another number."""
    if key[5:8] == b"/d/":
        return bytes([number]) + value[1:]
    return json.dumps({**json.loads(value), "format": number}).encode()


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(
    ("number", "error"), [(STATE_FORMAT + 1, Fatal), (STATE_FORMAT - 1, Unreadable), (0, Unreadable)]
)
def test_state_of_another_format_is_named_with_both_numbers_before_any_work(dump, kind, number, error):
    key = next(key for key in dump.state[PARTITION] if key.startswith(kind))
    state = dump.state[PARTITION] | {key: of_format(number, key, dump.state[PARTITION][key])}
    with pytest.raises(
        error, match=rf"^siaga\.risk-state\[1\]: .*state of format {number}, .* reads {STATE_FORMAT}"
    ) as seen:
        restored(state)
    assert "\n" not in str(seen.value)
    assert (error is Fatal) == ("start the version that wrote it" in str(seen.value))


def test_a_newer_record_of_a_province_or_of_the_sequencer_ends_it_too(dump):
    province = dump.state[0][b"16/p"]
    with pytest.raises(Fatal, match=f"format {STATE_FORMAT + 1}"):
        restored(dump.state[0] | {b"16/p": of_format(STATE_FORMAT + 1, b"16/p", province)}, partition=0)
    event = dump_of("0.9.0", "event")[0].state[PARTITION]
    with pytest.raises(Fatal, match=f"format {STATE_FORMAT + 1}"):
        restored(event | {SOURCES_KEY: of_format(STATE_FORMAT + 1, SOURCES_KEY, event[SOURCES_KEY])}, ClockMode.EVENT)


@pytest.mark.parametrize("kind", ["segments", "turnout", "pace", "clock"])
def test_state_of_a_build_that_had_not_all_fields_is_unreadable(dump, kind):
    """KeyError('segments') every few seconds for ever, before."""
    head = orjson.loads(dump.state[PARTITION][b"16.71/h"])
    del head[kind]
    with pytest.raises(Unreadable, match=rf"16\.71: state of format {STATE_FORMAT} that cannot be read .*{kind}"):
        restored(dump.state[PARTITION] | {b"16.71/h": orjson.dumps(head)})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"16.71/h", b""),
        (b"16.71/h", b"[]"),
        (b"16.71/h", b"\xff"),
        (b"16.71/z/1", b"{}"),
        (b"garbage", b"{}"),
        (b"", b""),
    ],
)
def test_state_that_is_none_is_unreadable_and_no_traceback(dump, key, value):
    with pytest.raises(Unreadable):
        restored(dump.state[PARTITION] | {key: value})


def test_state_without_a_head_is_unreadable(dump):
    with pytest.raises(Unreadable, match=r"16\.71 has no head"):
        restored({key: value for key, value in dump.state[PARTITION].items() if key != b"16.71/h"})


def test_state_of_the_other_clock_ends_a_worker_with_what_to_set(dump):
    with pytest.raises(Fatal, match="is of the wall clock: start this worker with SIAGA_CLOCK=wall"):
        restored(dump.state[PARTITION], ClockMode.EVENT)
    with pytest.raises(Fatal, match="is of the event clock: start this worker with SIAGA_CLOCK=event"):
        restored(dump_of("0.9.0", "event")[0].state[PARTITION])


@pytest.mark.parametrize("clock", ["wall", "event"])
def test_older_state_is_built_again_from_the_ledger_and_nothing_published_twice(clock):
    """The rows, escalations and notices of a shard with unreadable state are those that follow, and none before."""
    dump, policy = dump_of("0.9.0", clock)
    source = TopicPartition(LEDGER, PARTITION)
    held = dump.records[source]
    records = [held[offset] for offset in range(len(held))]
    position = json.loads(dump.state[PARTITION][b"@next"])["offset"]
    older = {
        key: value if key.startswith(b"@") else of_format(STATE_FORMAT - 1, key, value)
        for key, value in dump.state[PARTITION].items()
    }
    shard = Shard(source, lambda: policy.risk_fold(PARTITION, 2, dump.clock), TopicPartition(STATE, PARTITION))
    for key, value in older.items():
        shard.restore(key, value)
    with pytest.raises(Unreadable):
        shard.start(None)
    shard.rebuild()
    assert (shard.next_offset, shard.rebuild_until) == (0, position)
    state, published = dict(older), []
    left = Batch(records, 0, len(records), len(records))
    while left is not None:
        part = shard.fold(left)
        for topic, _, key, value, _ in part.outputs:
            if topic != STATE:
                published.append((part.next_offset, topic))
            elif value is None:
                state.pop(key, None)
            else:
                state[key] = value
        shard.committed(part)
        left = shard.unfolded(left)
    assert published and all(offset > position for offset, _ in published)
    assert not [key for key, value in state.items() if b'"format":3' in value or value[:1] == b"\x03"]
    whole = policy.risk_fold(PARTITION, 2, dump.clock)
    for key, value in state.items():
        if not key.startswith((b"@next", b"@begin")):
            whole.restore(key, value)
    whole.restored("")


def test_a_frame_of_a_newer_format_ends_the_fold_and_is_not_passed_over(dump):
    made, first = restored(dump.state[PARTITION]), _next_frame(dump)
    newer = type(first)(**vars(first) | {"headers": ((FORMAT_HEADER, b"%d" % (FORMAT + 1)), *first.headers)})
    number = FORMAT + 1
    line = (
        rf"^siaga\.ledger\[1\]@{first.offset} is a frame of format {number}, this version reads up to {FORMAT}: start"
    )
    with pytest.raises(Fatal, match=line):
        list(made.fold(Batch([newer], first.offset, first.offset + 1, first.offset + 1)))


def _next_frame(dump: Dump):
    position = json.loads(dump.state[PARTITION][b"@next"])["offset"]
    return dump.records[TopicPartition(LEDGER, PARTITION)][position]


def test_a_frame_without_a_number_is_of_the_first_format():
    check_format(None)
    check_format(b"1")
    for wrong in (b"", b"x", b"-1", b"1.0", b"9" * 5, b"\xff"):
        with pytest.raises(NotAFrame):
            check_format(wrong)
    with pytest.raises(NewerFrame, match=re.escape("is a frame of format 12, this version reads up to 1")):
        check_format(b"12")
