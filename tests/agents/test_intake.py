"""The intake fold: every input record leaves as a ledger entry or as a rejected record, and only a commit counts."""

import json
from types import SimpleNamespace

from aiokafka import TopicPartition

from agents import metrics
from agents.batching import Batch, Cut
from agents.intake import APPENDED_HEADER, LOG_APPEND_TIME, READ_ALL_AFTER_MS, UNDER_WAY, IntakeFold
from schemas.ledger import SPAN_HEADER, TICK_KEY, decode_frame, partition_of
from schemas.roster import Roster
from schemas.topics import Topic, TopicNames
from streams.admission import ClockMode, Gate

NOON_MS = 1_732_683_600_000  # 2024-11-27T12:00:00+07:00
PARTITIONS = 6
IDLE_AFTER_MS = 3_000


def incident(regency: str = "16.71", number: int = 1, minute: int = 0, **changes: object) -> bytes:
    at = f"2024-11-27T12:{minute:02d}:00+07:00"
    message = {
        "event_id": f"e-{number}",
        "incident_id": f"i-{number}",
        "revision": 1,
        "regency": regency,
        "category": "logistics",
        "severity": 1,
        "status": "reported",
        "occurred_at": at,
        "reported_at": at,
        "source": "kpu-sumsel",
    }
    return json.dumps(message | changes).encode()


def batch(*values: bytes | None, behind: int = 0) -> Batch:
    records = [
        SimpleNamespace(offset=n, key=b"any", value=value, headers=(), timestamp=NOON_MS + n)
        for n, value in enumerate(values)
    ]
    return Batch(records, 0, len(values), len(values) + behind)


def fold(is_event_clock: bool = False, now_ms=lambda: NOON_MS) -> IntakeFold:
    mode = ClockMode.EVENT if is_event_clock else ClockMode.WALL
    gate = Gate(Roster.default(), mode)
    source = TopicPartition("siaga.incidents", 2)
    made = IntakeFold(source, Topic.INCIDENTS, gate, TopicNames(), PARTITIONS, now_ms, is_event_clock, IDLE_AFTER_MS)
    made.restored("")
    return made


def test_a_batch_becomes_one_frame_per_regency_in_the_order_it_came():
    outputs = list(fold().fold(batch(incident("16.71", 1), incident("16.02", 2), incident("16.71", 3))))
    assert {output.key: [entry[2] for entry in decode_frame(output.value)] for output in outputs} == {
        b"16.71": ["e-1", "e-3"],
        b"16.02": ["e-2"],
    }
    assert all(output.partition == partition_of(output.key.decode(), PARTITIONS) for output in outputs)


def test_a_frame_says_which_times_its_reports_have_and_how_many_they_are():
    [frame] = list(
        fold(is_event_clock=True).fold(batch(*(incident(number=minute, minute=minute) for minute in (7, 3, 0))))
    )[:1]
    assert dict(frame.headers)[SPAN_HEADER] == b"%d %d 3" % (NOON_MS, NOON_MS + 7 * 60_000)


def test_a_regencys_reports_in_several_frames_are_left_to_be_looked_for():
    frames = list(
        fold(is_event_clock=True).fold(
            batch(*(incident(number=n, event_id=f"{n:064d}", station="x" * 64) for n in range(3_000)))
        )
    )
    reports = [frame for frame in frames if frame.key == b"16.71"]
    assert len(reports) > 1 and all(SPAN_HEADER not in dict(frame.headers) for frame in reports)


def test_what_was_too_large_to_keep_is_rejected_whatever_its_beginning_says():
    cut = Cut(incident().ljust(1024))
    cut.size = 20_000_000
    [output] = fold().fold(batch(cut))
    headers = dict(output.headers)
    assert (headers["siaga.reason"], headers["siaga.error"]) == (
        b"too_large",
        b"20000000 bytes, at most 16384 are read",
    )
    assert output.topic == "siaga.rejected"


def test_a_rejected_record_leaves_with_its_bytes_and_where_it_lay():
    [output] = fold().fold(batch(b"\xff\xfe"))
    headers = dict(output.headers)
    assert (output.topic, output.key, output.value) == ("siaga.rejected", b"any", b"\xff\xfe")
    assert headers["siaga.reason"] == b"not_utf8"
    assert headers["siaga.source.topic"] == b"siaga.incidents"
    assert (headers["siaga.source.partition"], headers["siaga.source.offset"]) == (b"2", b"0")


def test_a_frame_tells_when_the_oldest_record_of_its_batch_was_appended():
    [output] = fold().fold(batch(incident(number=1), incident(number=2)))
    assert dict(output.headers)[APPENDED_HEADER] == str(NOON_MS).encode()


def test_in_wall_mode_no_ticks_and_no_note():
    made = fold()
    assert [output.key for output in made.fold(batch(incident()))] == [b"16.71"]
    assert made.note() == ""


def watermarks(outputs) -> list[list]:
    return [decode_frame(output.value)[0] for output in outputs if output.key == TICK_KEY]


def test_with_the_event_clock_a_shard_tells_every_partition_its_watermark_after_its_entries():
    outputs = list(fold(True).fold(batch(incident(minute=5))))
    assert [output.key for output in outputs] == [b"16.71"] + [TICK_KEY] * PARTITIONS
    assert [output.partition for output in outputs[1:]] == list(range(PARTITIONS))
    assert watermarks(outputs)[0] == ["w", NOON_MS + 5 * 60_000, "incidents-2", False]


def test_a_shard_that_wakes_tells_its_oldest_record_first_and_its_progress_a_second_later():
    now = [NOON_MS]
    made = fold(True, lambda: now[0])
    [first, *_] = watermarks(made.fold(batch(incident(number=1, minute=2), incident(number=2, minute=40))))
    assert first[1] == NOON_MS + 2 * 60_000
    made.committed()
    now[0] += IDLE_AFTER_MS - 1
    assert not watermarks(made.fold(batch(incident(number=3, minute=50))))
    now[0] += 1
    assert watermarks(made.fold(batch(incident(number=4, minute=51))))[0][1] == NOON_MS + 51 * 60_000


def test_progress_is_told_after_a_minute_of_event_time_or_a_quarter_second():
    now = [NOON_MS]
    made = fold(True, lambda: now[0])
    list(made.fold(batch(incident(number=1))))
    made.committed()
    now[0] += IDLE_AFTER_MS
    list(made.fold(batch(incident(number=2, minute=1))))
    made.committed()
    now[0] += 10
    assert not watermarks(made.fold(batch(incident(number=3, occurred_at="2024-11-27T12:01:30+07:00"))))
    assert watermarks(made.fold(batch(incident(number=4, minute=2))))
    now[0] += 250
    assert watermarks(made.fold(batch(incident(number=5, occurred_at="2024-11-27T12:02:01+07:00"))))


def test_a_shard_says_once_that_it_is_idle_and_again_that_it_is_not():
    now = [NOON_MS]
    made = fold(True, lambda: now[0])
    list(made.fold(batch(incident(minute=3))))
    made.committed()
    assert list(made.idle()) == []
    now[0] += IDLE_AFTER_MS
    assert watermarks(made.idle())[0] == ["w", NOON_MS + 3 * 60_000, "incidents-2", True]
    made.committed()
    assert list(made.idle()) == []
    assert watermarks(made.fold(batch(incident(number=2, minute=3))))[0][3] is False


def appended(at_ms: int, *values: bytes) -> Batch:
    """Records whose times the broker gave."""
    made = batch(*values)
    for record in made.records:
        record.timestamp, record.timestamp_type = at_ms, LOG_APPEND_TIME
    return made


def test_what_was_appended_long_ago_is_the_end_at_once_but_for_shards_that_may_yet_wake():
    now = [NOON_MS]
    made = fold(True, lambda: now[0])
    for number in (1, 2):
        list(made.fold(appended(NOON_MS - 60_000, incident(number=number, minute=number))))
        made.committed()
        now[0] += READ_ALL_AFTER_MS
    assert not watermarks(made.idle())
    now[0] = NOON_MS + IDLE_AFTER_MS
    list(made.fold(appended(NOON_MS - 60_000, incident(number=3, minute=3))))
    made.committed()
    now[0] += READ_ALL_AFTER_MS - 1
    assert not watermarks(made.idle())  # the end of the partition may be some moments old
    now[0] += 1
    assert watermarks(made.idle())[0] == ["w", NOON_MS + 3 * 60_000, "incidents-2", True]


def test_a_publisher_at_work_is_waited_for():
    now = [NOON_MS]
    made = fold(True, lambda: now[0])
    list(made.fold(appended(now[0], incident(number=1))))
    made.committed()
    now[0] += IDLE_AFTER_MS
    list(made.fold(appended(now[0] - 100, incident(number=2, minute=2))))
    made.committed()
    now[0] += IDLE_AFTER_MS - 101
    assert not watermarks(made.idle())
    now[0] += 1
    assert watermarks(made.idle())


def test_what_was_told_counts_only_when_it_is_committed():
    now = [NOON_MS]
    made = fold(True, lambda: now[0])
    now[0] += IDLE_AFTER_MS
    assert watermarks(made.idle())
    assert watermarks(made.idle())


def test_the_event_clock_survives_a_restart_through_the_note():
    first = fold(True)
    list(first.fold(batch(incident(minute=30))))
    second = fold(True)
    second.restored(first.note())
    old = incident(number=2, occurred_at="2023-11-27T12:00:00+07:00", reported_at="2023-11-27T12:00:00+07:00")
    output, *_ = second.fold(batch(old, behind=1))
    assert dict(output.headers)["siaga.reason"] == b"too_old"


def test_a_shard_that_was_under_way_goes_on_at_once_after_a_restart():
    now = [NOON_MS]
    first = fold(True, lambda: now[0])
    list(first.fold(batch(incident(number=1))))
    assert not first.note().endswith(UNDER_WAY)  # others may still be waking: the wait begins anew
    now[0] += IDLE_AFTER_MS
    first.committed()
    list(first.fold(batch(incident(number=2, minute=1))))
    second = fold(True, lambda: now[0])
    second.restored(first.note())
    assert watermarks(second.fold(batch(incident(number=3, minute=2))))[0] == [
        "w",
        NOON_MS + 2 * 60_000,
        "incidents-2",
        False,
    ]


def test_a_shard_that_fell_idle_wakes_anew_after_a_restart():
    now = [NOON_MS]
    first = fold(True, lambda: now[0])
    for minute in (1, 2):
        list(first.fold(batch(incident(number=minute, minute=minute))))
        first.committed()
        now[0] += IDLE_AFTER_MS
    list(first.idle())
    second = fold(True, lambda: now[0])
    second.restored(first.note())
    woken = watermarks(second.fold(batch(incident(number=3, minute=3), incident(number=4, minute=9))))
    assert woken[0][1] == NOON_MS + 3 * 60_000


def test_counters_count_only_what_is_committed():
    def admitted() -> float:
        return metrics.RECORDS.labels("incidents", "admitted")._value.get()

    made, before = fold(), admitted()
    list(made.fold(batch(incident())))
    assert admitted() == before
    made.committed()
    assert admitted() == before + 1


def test_sources_beyond_the_cap_share_one_label(monkeypatch):
    monkeypatch.setattr(metrics, "_known_sources", {f"s{n}" for n in range(metrics.SOURCES_MAX)})
    assert metrics.source_label("s1") == "s1"
    assert metrics.source_label("one-too-many") == "other"
