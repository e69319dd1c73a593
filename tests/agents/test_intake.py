"""Laws of the intake fold: every input record becomes a ledger entry or a rejected record, and a commit counts it."""

import json
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition

from agents import metrics
from agents.batching import Batch, Cut, CutRecord, Fatal
from agents.intake import APPENDED_HEADER, LOG_APPEND_TIME, IntakeFold
from schemas.ledger import (
    BROKER_AHEAD_MS,
    FORMAT_HEADER,
    INPUT_HEADER,
    SPAN_HEADER,
    TICK_KEY,
    Inputs,
    decode_frame,
    partition_of,
)
from schemas.roster import Roster
from schemas.sources import Sources
from schemas.topics import Topic, TopicNames
from streams.admission import ClockMode, Gate
from tests.agents.messages import incident_at

NOON_MS = 1_732_683_600_000  # 2024-11-27T12:00:00+07:00
PARTITIONS = 6
IDLE_AFTER_MS = 3_000


def incident(regency: str = "16.71", number: int = 1, minute: int = 0, **changes: object) -> bytes:
    return incident_at(f"2024-11-27T12:{minute:02d}:00+07:00", number, regency, **changes)


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


def test_a_batch_becomes_one_frame_per_regency_in_the_order_of_its_records():
    outputs = list(fold().fold(batch(incident("16.71", 1), incident("16.02", 2), incident("16.71", 3))))
    assert {output.key: [entry[2] for entry in decode_frame(output.value)] for output in outputs} == {
        b"16.71": ["e-1", "e-3"],
        b"16.02": ["e-2"],
    }
    assert all(output.partition == partition_of(output.key.decode(), PARTITIONS) for output in outputs)


def test_a_frames_header_gives_the_span_of_its_times_and_their_number():
    [frame] = list(
        fold(is_event_clock=True).fold(batch(*(incident(number=minute, minute=minute) for minute in (7, 3, 0))))
    )[:1]
    assert dict(frame.headers)[SPAN_HEADER] == b"%d %d 3" % (NOON_MS, NOON_MS + 7 * 60_000)


def test_reports_split_over_several_frames_have_no_span_header():
    frames = list(
        fold(is_event_clock=True).fold(
            batch(*(incident(number=n, event_id=f"{n:064d}", station="x" * 64) for n in range(3_000)))
        )
    )
    reports = [frame for frame in frames if frame.key == b"16.71"]
    assert len(reports) > 1 and all(SPAN_HEADER not in dict(frame.headers) for frame in reports)


def places(outputs) -> dict[str, tuple]:
    """Of every report in these frames: the input record that the frame's header names, by event id."""
    found = {}
    for frame in outputs:
        if frame.key == b"16.71":
            topic, partition, offsets = Inputs.of(dict(frame.headers)[INPUT_HEADER])
            ids = [entry[2] for entry in decode_frame(frame.value)]
            found |= {name: (topic, partition, offset) for name, offset in zip(ids, offsets, strict=True)}
    return found


def test_a_frame_names_the_input_record_of_each_of_its_entries():
    records = batch(incident(number=0), b"no message", incident("16.02", 2), incident(number=3))
    assert places(fold().fold(records)) == {"e-0": ("siaga.incidents", 2, 0), "e-3": ("siaga.incidents", 2, 3)}


def test_the_frames_of_a_split_one_name_the_records_of_their_own_entries():
    values = [incident(number=n, event_id=f"{n:064d}", station="x" * 64) for n in range(3_000)]
    frames = list(fold().fold(batch(*values)))
    assert len(frames) > 1
    assert places(frames) == {f"{n:064d}": ("siaga.incidents", 2, n) for n in range(3_000)}


def test_an_own_input_and_an_enveloped_message_are_named_alike():
    event = {"specversion": "1.0", "id": "1", "type": "report", "source": "/kpu", "data": json.loads(incident())}
    records = batch(json.dumps(event).encode())
    records.records[0].headers = (("content-type", b"application/cloudevents+json"),)
    gate = Gate(Roster.default(), ClockMode.WALL, Sources.parse('[sources.kpu-sumsel]\nagency="kpu"\ninput="kpu"\n'))
    source = TopicPartition("siaga.incidents.kpu", 1)
    made = IntakeFold(source, Topic.INCIDENTS, gate, TopicNames(), PARTITIONS, lambda: NOON_MS, False, 0, "kpu")
    assert places(made.fold(records)) == {"e-1": ("siaga.incidents.kpu", 1, 0)}


def test_a_record_cut_by_the_reader_is_rejected_even_if_its_beginning_is_valid():
    cut = Cut(incident().ljust(1024))
    cut.size = 20_000_000
    records = [CutRecord(7, NOON_MS, LOG_APPEND_TIME, b"any", value, []).because("why") for value in (cut, incident())]
    large, surplus = fold().fold(Batch(records, 7, 9, 9))
    for output in (large, surplus):
        headers = dict(output.headers)
        assert (output.topic, headers["siaga.reason"], headers["siaga.error"]) == (
            "siaga.rejected",
            b"too_large",
            b"why",
        )
    assert large.value == cut and dict(large.headers)["siaga.truncated.value"] == b"20000000"
    assert surplus.value == incident() and "siaga.truncated.value" not in dict(surplus.headers)


def test_a_rejected_record_keeps_its_bytes_and_names_its_source():
    [output] = fold().fold(batch(b"\xff\xfe"))
    headers = dict(output.headers)
    assert (output.topic, output.key, output.value) == ("siaga.rejected", b"any", b"\xff\xfe")
    assert headers["siaga.reason"] == b"not_utf8"
    assert headers["siaga.source.topic"] == b"siaga.incidents"
    assert (headers["siaga.source.partition"], headers["siaga.source.offset"]) == (b"2", b"0")


def test_a_frame_carries_the_append_time_of_the_first_record_of_its_batch():
    [output] = fold().fold(batch(incident(number=1), incident(number=2)))
    assert dict(output.headers)[APPENDED_HEADER] == str(NOON_MS).encode()


def test_with_the_wall_clock_there_are_no_watermarks_and_no_note():
    made = fold()
    assert [output.key for output in made.fold(batch(incident()))] == [b"16.71"]
    assert made.note() == ""


def watermarks(outputs) -> list[list]:
    return [decode_frame(output.value)[0] for output in outputs if output.key == TICK_KEY]


def test_with_the_event_clock_every_partition_gets_the_watermark_after_the_entries():
    outputs = list(fold(True).fold(batch(incident(minute=5))))
    assert [output.key for output in outputs] == [b"16.71"] + [TICK_KEY] * PARTITIONS
    assert [output.partition for output in outputs[1:]] == list(range(PARTITIONS))
    assert watermarks(outputs)[0] == ["w", NOON_MS + 5 * 60_000, "incidents-2", False]


def test_the_end_of_the_input_is_published_once_its_records_are_old_enough():
    now = [NOON_MS]
    made = fold(True, lambda: now[0])
    list(made.fold(appended(now[0] - 100, incident(minute=3))))
    made.committed()
    now[0] += IDLE_AFTER_MS - 101
    assert not watermarks(made.idle())
    now[0] += 101
    assert watermarks(made.idle())[0] == ["w", NOON_MS + 3 * 60_000, "incidents-2", True]


def appended(at_ms: int, *values: bytes) -> Batch:
    """Records whose times the broker gave."""
    made = batch(*values)
    for record in made.records:
        record.timestamp, record.timestamp_type = at_ms, LOG_APPEND_TIME
    return made


@pytest.mark.parametrize("timestamp_type, stamped_ms", [(LOG_APPEND_TIME, NOON_MS - 5), (0, NOON_MS)])
def test_wall_time_is_the_brokers_append_time_or_else_the_workers_clock(timestamp_type, stamped_ms):
    records = batch(incident())
    records.records[0].timestamp, records.records[0].timestamp_type = NOON_MS - 5, timestamp_type
    [output] = fold().fold(records)
    assert decode_frame(output.value)[0][1] == stamped_ms


def test_of_a_broker_whose_clock_is_ahead_five_minutes_count():
    [output] = fold().fold(appended(NOON_MS + 3_600_000, incident()))
    assert decode_frame(output.value)[0][1] == NOON_MS + BROKER_AHEAD_MS == NOON_MS + 300_000


def test_with_the_event_clock_a_report_of_the_future_is_rejected_and_the_next_is_taken():
    far = incident(number=1, occurred_at="9999-01-01T00:00:00+07:00", reported_at="9999-01-01T00:00:00+07:00")
    rejected, frame, *_ = fold(True).fold(batch(far, incident(number=2)))
    assert dict(rejected.headers)["siaga.reason"] == b"future"
    assert [entry[2] for entry in decode_frame(frame.value)] == ["e-2"]


def test_the_event_clock_survives_a_restart_through_the_note():
    first = fold(True)
    list(first.fold(batch(incident(minute=9))))
    second = fold(True)
    second.restored(first.note())
    old = incident(number=2, occurred_at="2023-11-27T12:00:00+07:00", reported_at="2023-11-27T12:00:00+07:00")
    output, *_ = second.fold(batch(old, behind=1))
    assert dict(output.headers)["siaga.reason"] == b"too_old"


def test_with_the_wall_clock_a_note_of_the_event_clock_ends_the_worker():
    with pytest.raises(Fatal, match=r"siaga\.incidents\[2\] was read with the event clock: .* SIAGA_CLOCK=event"):
        fold().restored("1732680000000 under way")


def test_every_frame_says_by_its_header_of_which_format_it_is():
    outputs = [*fold(True).fold(batch(incident(number=1), incident(number=2))), *fold().fold(batch(incident()))]
    frames = [output for output in outputs if output.topic == "siaga.ledger"]
    assert frames and all(dict(output.headers)[FORMAT_HEADER] == b"1" for output in frames)


def test_counters_count_a_batch_when_it_is_committed():
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


def test_a_worker_whose_clock_is_behind_rejects_no_good_report():
    made = fold(now_ms=lambda: NOON_MS - 3_600_000)
    [output] = made.fold(appended(NOON_MS, incident()))
    assert output.topic == "siaga.ledger" and decode_frame(output.value)[0][1] == NOON_MS - 3_600_000 + BROKER_AHEAD_MS
