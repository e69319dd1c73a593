"""The risk fold takes frames and nothing else: what is no frame is counted, named, and changes nothing."""

import logging
from types import SimpleNamespace

import orjson
import pytest
from aiokafka import TopicPartition

from agents import metrics
from agents.batching import Batch, Fatal
from agents.risk import NAMED_MOST, FoldFailed, RiskFold
from schemas.ledger import INPUT_HEADER, SPAN_HEADER, TICK_KEY, Inputs, span_header, tick_frame, watermark_frame
from schemas.ledger_form import LedgerForm, shard_names
from schemas.topics import TopicNames
from streams.event_time.sequencer import HELD_PREFIX, Sequencer
from streams.table import RiskTable
from tests.streams.ledgers import COMPILED, EIGHT_MS, MINUTE_MS, PALEMBANG, ROSTER, incident, turnout

LEDGER = TopicPartition("siaga.ledger", 0)
SHARDS = shard_names((), 1)
FATALITY = incident("f", EIGHT_MS, "fatality", 5)


def fold(is_event_clock: bool = False, is_strict: bool = False, suspects: list | None = None) -> RiskFold:
    sequencer = Sequencer(len(SHARDS)) if is_event_clock else None
    form = LedgerForm(ROSTER, 0, 1, SHARDS if is_event_clock else None, is_strict=is_strict)
    suspect = (lambda: None) if suspects is None else (lambda: suspects.append(1))
    made = RiskFold(LEDGER, RiskTable(0, 1, ROSTER, COMPILED), TopicNames("siaga."), 1, sequencer, form, suspect)
    made.restored("")
    return made


def record(offset: int, key: bytes | None, value: bytes | None, **headers: bytes) -> SimpleNamespace:
    named = tuple(headers.items())
    return SimpleNamespace(offset=offset, key=key, value=value, headers=named, timestamp=EIGHT_MS + 60 * MINUTE_MS)


def frame(offset: int, *entries: list, key: str = PALEMBANG, inputs: int | None = None, span: bool = False):
    places = range(len(entries) if inputs is None else inputs)
    headers = {INPUT_HEADER: Inputs("siaga.incidents", 0, list(places)).header()}
    if span:
        headers[SPAN_HEADER] = span_header(list(entries))
    return record(offset, key.encode(), orjson.dumps(entries), **headers)


def batch(*records) -> Batch:
    return Batch(records, records[0].offset, records[-1].offset + 1, records[-1].offset + 1)


def quarantined() -> float:
    return metrics.LEDGER_QUARANTINED.labels("0")._value.get()


def escalated(outputs) -> list[str]:
    return [orjson.loads(output.value)["change"] for output in outputs if output.topic == "siaga.escalations"]


def idle(first: int) -> list:
    """Watermarks with which every shard says that it has read everything up to ten minutes past eight."""
    until_ms = EIGHT_MS + 10 * MINUTE_MS
    return [record(first + n, TICK_KEY, watermark_frame(until_ms, name, True)) for n, name in enumerate(sorted(SHARDS))]


FOREIGN = [
    record(7, b"16.71", None),
    record(7, b"16.71", b""),
    record(7, b"16.71", b"{}"),
    record(7, b"16.71", b"[]"),
    record(7, b"16.71", b"\xff"),
    record(7, b"16.71", b'[["i",0,"a"'),
    record(7, b"16.71", orjson.dumps([FATALITY])),
    record(7, b"16.71", orjson.dumps([FATALITY]), **{INPUT_HEADER: b"[]"}),
    frame(7, FATALITY, inputs=2),
    frame(7, ["?", EIGHT_MS]),
    frame(7, FATALITY, key="99.99"),
    frame(7, FATALITY, key="16"),
    record(7, None, orjson.dumps([FATALITY])),
    record(7, b"\xff", orjson.dumps([FATALITY])),
    record(7, b"16.71", orjson.dumps([["j", EIGHT_MS, "a b", "a c", False, "kpu", 7]])),
    record(7, b"16.71", orjson.dumps([["e", EIGHT_MS, "a", "b", 7, "kpu", "flood"]])),
    record(7, b"16.71", orjson.dumps([["x", EIGHT_MS, "name of a person", "kpu", "found"]])),
    record(7, b"16.71", orjson.dumps([["n", EIGHT_MS, "16.72", "awas", "normal", "", "live", None, ""]])),
    record(7, b"16.71", tick_frame(EIGHT_MS)),
    record(7, TICK_KEY, b'[["k","now"]]'),
]


@pytest.mark.parametrize("is_event_clock", [False, True], ids=["wall clock", "event clock"])
@pytest.mark.parametrize("foreign", FOREIGN, ids=range(len(FOREIGN)))
def test_what_is_no_frame_is_counted_and_what_follows_is_folded(foreign, is_event_clock, caplog):
    made, before = fold(is_event_clock), quarantined()
    outputs = list(made.fold(batch(foreign, frame(8, FATALITY), *idle(9)[: is_event_clock * len(SHARDS)])))
    assert escalated(outputs) == ["raised"] and quarantined() == before
    made.committed()
    assert quarantined() == before + 1
    [line] = [entry.getMessage() for entry in caplog.records if entry.levelno == logging.ERROR]
    assert line.startswith("siaga.ledger[0]@7 is no frame and is not folded: ") and "SiagaLedgerQuarantined" in line


@pytest.mark.parametrize("value", [watermark_frame(EIGHT_MS, "incidents-0", True), b'[["w",1,2,3]]'])
def test_with_the_wall_clock_a_watermark_is_no_frame(value):
    made, before = fold(), quarantined()
    list(made.fold(batch(record(7, TICK_KEY, value))))
    made.committed()
    assert quarantined() == before + 1


@pytest.mark.parametrize(
    "value",
    [tick_frame(EIGHT_MS), watermark_frame(EIGHT_MS, "stranger-0", False), watermark_frame(2**45, "incidents-0", True)],
    ids=["a tick", "of no shard", "of the year 3084"],
)
def test_with_the_event_clock_only_watermarks_of_the_shards_are_frames(value):
    made, before = fold(is_event_clock=True), quarantined()
    list(made.fold(batch(record(7, TICK_KEY, value))))
    made.committed()
    assert quarantined() == before + 1


def test_a_flood_of_garbage_is_a_bounded_number_of_lines(caplog):
    made = fold()
    list(made.fold(batch(*(record(n, b"16.71", b"x") for n in range(500)))))
    made.committed()
    assert len(caplog.records) == NAMED_MOST + 1
    assert "490 more are no frames, up to offset 499" in caplog.text


@pytest.mark.parametrize("place", [6, 7, 8], ids=["category", "severity", "status"])
def test_a_fold_that_fails_makes_the_next_one_check_every_field(place):
    wrong, suspects = FATALITY[:place] + [{}] + FATALITY[place + 1 :], []
    with pytest.raises(FoldFailed, match=r"siaga\.ledger\[0\]@7: .*checked from now on"):
        list(fold(suspects=suspects).fold(batch(frame(7, wrong), frame(8, FATALITY))))
    assert suspects
    made, before = fold(is_strict=True), quarantined()
    assert escalated(made.fold(batch(frame(7, wrong), frame(8, FATALITY)))) == ["raised"]
    made.committed()
    assert quarantined() == before + 1


def test_a_well_formed_frame_that_fails_stays_an_error(monkeypatch):
    made = fold(is_strict=True)
    monkeypatch.setattr(RiskTable, "apply", lambda *_: 1 / 0)
    with pytest.raises(FoldFailed, match=r"siaga\.ledger\[0\]@7: ZeroDivisionError on a well-formed frame: a defect"):
        list(made.fold(batch(frame(7, FATALITY))))


def test_a_frame_that_waited_and_is_none_is_dropped_from_the_state():
    wrong = frame(7, FATALITY, ["i", EIGHT_MS, 1, 2], span=True)
    first = fold(is_event_clock=True)
    held = {output.key: output.value for output in first.fold(batch(wrong, frame(8, FATALITY, span=True)))}
    assert HELD_PREFIX + b"7" in held
    with pytest.raises(FoldFailed):
        list(first.fold(batch(*idle(9))))
    second, before = fold(is_event_clock=True, is_strict=True), quarantined()
    for key, value in held.items():
        second.restore(key, value)
    second.restored("")
    outputs = list(second.fold(batch(*idle(9))))
    assert escalated(outputs) == ["raised"]
    assert (HELD_PREFIX + b"7", None) in [(output.key, output.value) for output in outputs]
    second.committed()
    assert quarantined() == before + 1


def test_a_worker_with_the_wall_clock_refuses_the_state_of_the_event_clock():
    first, second = fold(is_event_clock=True), fold()
    for output in first.fold(batch(frame(7, turnout("t", EIGHT_MS, "TPS 001", 100)), *idle(8))):
        if output.topic == "siaga.risk-state":
            second.restore(output.key, output.value)
    with pytest.raises(Fatal, match="SIAGA_CLOCK=event"):
        second.restored("")


@pytest.mark.parametrize("is_event_clock", [False, True], ids=["wall clock", "event clock"])
@pytest.mark.parametrize(
    "place, wrong", [(3, None), (4, "1"), (4, {}), (11, 7)], ids=["key", "text", "object", "source"]
)
def test_what_would_fail_on_a_good_report_later_never_reaches_the_state(place, wrong, is_event_clock):
    bad = FATALITY[:place] + [wrong] + FATALITY[place + 1 :]
    good = incident("g", EIGHT_MS + MINUTE_MS, "fatality", 5, incident="f", revision=2)
    frames = [frame(7, bad, span=is_event_clock), frame(8, good, span=is_event_clock)]
    batches = batch(*frames, *idle(9)[: is_event_clock * len(SHARDS)])
    try:
        outputs = list(fold(is_event_clock).fold(batches))
    except FoldFailed:
        outputs = list(fold(is_event_clock, is_strict=True).fold(batches))
    assert escalated(outputs) == ["raised"]
