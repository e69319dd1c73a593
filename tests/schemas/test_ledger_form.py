"""Laws of the ledger's form: what Siaga writes holds to it, and a field of another type or a value beyond does not."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fields import milliseconds
from schemas.ledger import (
    INPUT_HEADER,
    SPAN_HEADER,
    TICK_KEY,
    Entry,
    Frame,
    Inputs,
    NotAFrame,
    encode_frames,
    incident_digest,
    span_header,
    tick_frame,
    watermark_frame,
)
from schemas.ledger_form import AHEAD_MOST_MS, FIELDS, LedgerForm, OtherClock, shard_names
from schemas.topics import Topic
from streams.admission import Admitted, ClockMode, Gate
from tests.schemas.messages import incidents, turnouts
from tests.streams.ledgers import (
    EIGHT_MS,
    MINUTE_MS,
    OKI,
    PALEMBANG,
    ROSTER,
    incident,
    join,
    ledgers,
    notice,
    run,
    tick,
    turnout,
)

NOW_MS = milliseconds(datetime(2100, 1, 1, tzinfo=UTC))
FORM = LedgerForm(ROSTER, 0, 1, is_strict=True)
EVENT_FORM = LedgerForm(ROSTER, 0, 1, shard_names(["kpu"], 2), is_strict=True)
ENTRIES = {
    "incident": incident("a", EIGHT_MS, place="16.71.01.1001 TPS 001"),
    "turnout": turnout("t", EIGHT_MS, "TPS 001", 100),
    "join": join(EIGHT_MS, "bawaslu a", "kpu b"),
    "evict": ["e", EIGHT_MS, "media-x", EIGHT_MS - MINUTE_MS, EIGHT_MS, "operator", "flood"],
    "erase": ["x", EIGHT_MS, incident_digest("bawaslu a"), "operator", "personal_data_found"],
    "notice": notice(EIGHT_MS, OKI, "waspada", 7000),
    "pace": ["p", EIGHT_MS, "16", 23_000, {"logistics": 1500}, [0, 1000, 0, 0]],
}


def accept(key: str, entries: list[Entry], form: LedgerForm = FORM, appended_ms: int = NOW_MS) -> list[Entry]:
    """What the form gives for a frame of these entries, and of their inputs if they are reports."""
    [value] = encode_frames(entries)
    header = Inputs("siaga.incidents", 0, list(range(len(entries)))).header() if entries[0][0] in "it" else None
    return form.entries(key.encode(), Frame(7, value, appended_ms), header)


@given(st.one_of(incidents(), turnouts()), st.sampled_from(list(ClockMode)))
def test_what_the_gate_admits_holds_to_the_form(message: dict, mode: ClockMode):
    topic = Topic.TURNOUT if "as_of" in message else Topic.INCIDENTS
    admitted = Gate(ROSTER, mode).admit(topic, orjson.dumps(message), (), 0, NOW_MS)
    if isinstance(admitted, Admitted):
        assert accept(admitted.regency, [admitted.entry]) == [admitted.entry]


@given(ledgers(most=25))
def test_the_notices_of_the_fold_hold_to_the_form(frames: list):
    for target, entry in run(frames).notices:
        assert accept(target, [entry]) == [entry]


def test_a_notice_of_a_level_that_rests_on_one_of_several_agencies_holds_to_the_form():
    """Three agencies tell a death each, and the one whose report raised the level takes it back."""
    deaths = [
        incident(source, EIGHT_MS + number, "fatality", 5, source=source)
        for number, source in enumerate(("polda", "bawaslu", "kpu"))
    ]
    back = incident("x", EIGHT_MS + 9, "fatality", 5, source="polda", incident="polda", revision=2, status="retracted")
    frames = [(PALEMBANG, [entry]) for entry in (*deaths, back)]
    notices = run([*frames, *(tick(EIGHT_MS + minute * MINUTE_MS) for minute in range(1, 30))]).notices
    assert "*" in {entry[-1] for _, entry in notices if entry[0] == "n"}
    for target, entry in notices:
        assert accept(target, [entry]) == [entry]


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_each_kind_of_entry_is_a_frame_under_a_regency(entry: Entry):
    assert accept(PALEMBANG, [entry]) == [entry]


@pytest.mark.parametrize("wrong", [{}, [], 0.5, 10**18, "", "x" * 300, "\n", b"\xc3\xa9".decode()])
@pytest.mark.parametrize("name", ENTRIES)
def test_a_field_of_another_type_or_beyond_its_bounds_is_named(name: str, wrong: object):
    entry = ENTRIES[name]
    for place, (field, check) in enumerate(FIELDS[entry[0]], 1):
        if not check(wrong):
            with pytest.raises(NotAFrame, match=f"entry 2: {field}: not what the ledger holds there"):
                accept(PALEMBANG, [entry, [*entry[:place], wrong, *entry[place + 1 :]]])


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_a_field_more_or_less_or_a_time_after_the_append_is_no_frame(entry: Entry):
    for wrong in (entry[:-1], [*entry, 1]):
        with pytest.raises(NotAFrame, match="fields, not"):
            accept(PALEMBANG, [wrong])
    assert accept(PALEMBANG, [entry], appended_ms=EIGHT_MS - AHEAD_MOST_MS)
    with pytest.raises(NotAFrame, match="more than 15 minutes after the append"):
        accept(PALEMBANG, [entry], appended_ms=EIGHT_MS - AHEAD_MOST_MS - 1)


@pytest.mark.parametrize("name", ["incident", "turnout", "join", "evict", "erase"])
def test_under_a_province_lie_notices_alone(name: str):
    with pytest.raises(NotAFrame):
        accept("16", [ENTRIES[name]])
    assert accept("16", [ENTRIES["notice"]])


def test_a_notice_is_of_a_neighbour_or_a_member():
    for target, sender in ((PALEMBANG, "16.72"), (PALEMBANG, PALEMBANG), ("16", "17.01"), (PALEMBANG, "99.99")):
        with pytest.raises(NotAFrame, match="neither borders"):
            accept(target, [notice(EIGHT_MS, sender)])


def test_a_span_that_is_not_that_of_the_entries_is_no_frame():
    entries = [ENTRIES["incident"]]
    [value] = encode_frames(entries)
    inputs = Inputs("siaga.incidents", 0, [0]).header()
    for header, is_right in ((span_header(entries), True), (b"%d %d 1" % (EIGHT_MS, EIGHT_MS + 1), False)):
        frame = Frame(7, value, NOW_MS, header)
        if is_right:
            EVENT_FORM.check(PALEMBANG.encode(), frame, inputs)
        else:
            with pytest.raises(NotAFrame, match=SPAN_HEADER):
                EVENT_FORM.check(PALEMBANG.encode(), frame, inputs)


def test_each_clock_has_its_own_way_to_tell_the_time():
    tick, watermark = tick_frame(EIGHT_MS), watermark_frame(EIGHT_MS, "turnout.kpu-1", False)
    assert FORM.entries(TICK_KEY, Frame(7, tick, EIGHT_MS), None) == [["k", EIGHT_MS]]
    EVENT_FORM.check(TICK_KEY, Frame(7, watermark, EIGHT_MS), None)
    for form, value in ((FORM, watermark), (EVENT_FORM, tick)):
        with pytest.raises(OtherClock):
            form.check(TICK_KEY, Frame(7, value, EIGHT_MS), None)


def test_reports_need_the_header_of_their_inputs():
    [value] = encode_frames([ENTRIES["incident"], ENTRIES["incident"]])
    for inputs in (None, b"[]", Inputs("siaga.incidents", 0, [1]).header()):
        with pytest.raises(NotAFrame, match=f"{INPUT_HEADER}|another number of input records"):
            FORM.entries(PALEMBANG.encode(), Frame(7, value, NOW_MS), inputs)
