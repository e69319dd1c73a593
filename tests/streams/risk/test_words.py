"""Words on incidents: the table of what a message does, and laws of whole regencies over any messages."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ledger import Entry, parts_of
from streams.messages import row
from streams.risk.citations import cite
from streams.risk.record import Record, agencies_of, is_confirmed, standing_of
from streams.risk.regency import RegencyState
from streams.risk.words import EFFECTS, GRAVE, MANY, Effect, Held, Word, apply_word, gravest, standing_agency
from tests.streams.ledgers import (
    COMPILED,
    EIGHT_MS,
    HOUR_MS,
    MINUTE_MS,
    PALEMBANG,
    Outputs,
    fresh,
    incident,
    known,
    palembang,
    restored,
    run,
    tick,
)

LAW = settings(max_examples=100, deadline=None)
AGENCIES = {"kpu": "kpu", "kpu-palembang": "kpu", "bawaslu": "bawaslu", "polda": "polda"}
PLACES = (None, None, "16.71.01.1001 TPS 001", "16.71.01.1001 ", " TPS 001")


def word(source: str = "polda", revision: int = 5, status: str = "reported", severity: int = 3, **given) -> Word:
    """What a source says of the police's number 7."""
    kind, fields = COMPILED.kinds["clash", severity], {"number": "polda i-7", "reported_ms": EIGHT_MS, "place": None}
    return Word(source=source, agency=AGENCIES[source], revision=revision, kind=kind, status=status,
                occurred_ms=EIGHT_MS, **(fields | given))  # fmt: skip


#: What is held of the source, the message, its effect, and whether the message is held afterwards.
ROWS = [
    (None, word(revision=1), Effect.ADDED, True),
    (None, word(revision=9, status="resolved"), Effect.ADDED, True),
    (None, word(revision=1, status="retracted"), Effect.NOTED, True),
    (word(), word(revision=6, severity=1), Effect.REPLACED, True),
    (word(), word(revision=6, status="retracted"), Effect.TAKEN_BACK, True),
    (word(), word(revision=5, severity=1), Effect.DUPLICATE, False),
    (word(), word(revision=4, severity=1), Effect.DUPLICATE, False),
    (word(), word(revision=5, status="retracted"), Effect.DUPLICATE, False),
    (word(), word(revision=4, status="retracted"), Effect.DUPLICATE, False),
    (word(status="retracted"), word(revision=6), Effect.RESTORED, True),
    (word(status="retracted"), word(revision=6, status="retracted", severity=1), Effect.NOTED, True),
    (word(status="retracted"), word(revision=5), Effect.DUPLICATE, False),
    (word(status="retracted"), word(revision=4), Effect.DUPLICATE, False),
    (word(status="retracted"), word(revision=5, status="retracted", severity=1), Effect.DUPLICATE, False),
    (word(status="retracted"), word(revision=4, status="retracted", severity=1), Effect.DUPLICATE, False),
]


@pytest.mark.parametrize(("held", "message", "effect", "is_kept"), ROWS)
def test_a_message_does_to_its_sources_word_what_the_table_says(held, message, effect, is_kept):
    before = (held,) if held else ()
    assert apply_word(before, message, 0) == (effect, held, (message if is_kept else held,))


def test_the_table_has_a_row_for_everything_that_can_be_held_and_no_other():
    looked_up = {_row(held, message): effect for held, message, effect, _ in ROWS}
    assert looked_up == EFFECTS


def _row(held: Word | None, message: Word) -> tuple[Held, bool, bool]:
    if held is None:
        return Held.NOTHING, True, message.stands
    return Held.STANDING if held.stands else Held.TAKEN_BACK, message.revision > held.revision, message.stands


@pytest.mark.parametrize("other", [word("bawaslu", 1), word(number="kpu i-7"), word("bawaslu", 99, "retracted")])
def test_words_of_other_sources_and_on_other_numbers_decide_nothing_and_stay(other):
    for held, message, effect, is_kept in ROWS:
        before = (other, held) if held else (other,)
        assert apply_word(before, message, 0) == (effect, held, (other, message if is_kept else held))


def test_the_gravest_standing_word_has_the_facts():
    grave, mild, gone = word("bawaslu", severity=4), word(severity=3), word("kpu", severity=5, status="retracted")
    assert gravest([mild, gone, grave]) is grave
    assert gravest([gone, word("bawaslu", status="retracted")]) is gone  # none stands: the same order over all


def test_of_equals_the_origin_has_the_facts_then_who_reported_last_then_by_name():
    origin = word("polda", reported_ms=EIGHT_MS - HOUR_MS)
    early, late, also = word("kpu"), word("bawaslu", reported_ms=EIGHT_MS + 1), word("kpu", reported_ms=EIGHT_MS + 1)
    assert gravest([early, late, origin]) is origin
    assert gravest([early, late]) is late
    assert gravest([late, also]) is also


def test_an_incident_is_of_one_agency_or_of_many_by_the_words_that_stand():
    assert standing_agency([word("kpu"), word("kpu-palembang")]) == "kpu"
    assert standing_agency([word("kpu"), word("bawaslu")]) == MANY
    assert standing_agency([word("kpu"), word("bawaslu", status="retracted")]) == "kpu"
    assert standing_agency([word("bawaslu", status="retracted"), word("polda", status="retracted")]) == "polda"


def test_no_source_can_have_the_name_of_many():
    with pytest.raises(KeyError):
        AGENCIES[MANY]
    assert not MANY.isalnum() and MANY != "-"  # schemas/fields.py: letters, digits and hyphens


@st.composite
def messages(draw: st.DrawFn, sources: tuple[str, ...] = tuple(AGENCIES), most: int = 14) -> list[Entry]:
    """Messages of several sources about a few incidents, at one clock time; no revision of a source comes twice."""
    entries = []
    for number in range(draw(st.integers(1, most))):
        source = draw(st.sampled_from(sources))
        entries.append(incident(
            number, EIGHT_MS, draw(st.sampled_from(["clash", "property_attack", "fatality", "logistics", "protest"])),
            draw(st.integers(1, 5)), source=source, agency=AGENCIES[source], revision=number + 1,
            status=draw(st.sampled_from(["reported", "reported", "verified", "resolved", "retracted"])),
            incident=draw(st.integers(0, 2)), origin=draw(st.sampled_from([None, *sources])),
            occurred_ms=EIGHT_MS - draw(st.sampled_from([0, 5, 40, 300])) * MINUTE_MS,
            reported_ms=EIGHT_MS + draw(st.integers(0, 2)), place=draw(st.sampled_from(PLACES)),
        ))  # fmt: skip
    return entries


def folded(entries: list[Entry], size: int = 1) -> tuple[RegencyState, Outputs]:
    """Palembang after these messages in frames of so many, and what was written."""
    frames = [(PALEMBANG, entries[at : at + size]) for at in range(0, len(entries), size)]
    table = fresh()
    outputs = run([tick(EIGHT_MS), *frames, tick(EIGHT_MS + COMPILED.step_ms)], table)
    return palembang(table), outputs


def evidence(state: RegencyState) -> list[tuple]:
    """What an escalation would cite now, and whose words stand behind it."""
    incidents = state.incidents
    return [
        (record._replace(segment=0), incidents.evidence(record), sorted(word.source for word in standing_of(record)))
        for record in cite(state.rules, incidents, ())
    ]


def judged(state: RegencyState) -> dict:
    """The row, without what tells how it came about: the level and its time, counters, the ledger's offset, and whether
    anything was reported: what is taken back before it comes is no report.
    """
    of, course = row(state, 0), ("level", "since", "excluded", "ledger", "data_status")
    return {name: value for name, value in of.items() if name not in course}


def sums(state: RegencyState) -> tuple:
    held = state.incidents
    pairs = held.candidates.pairs, held.candidates.doubles
    urgent = {kind: held.urgent.agencies(kind) for kind in held.urgent.kinds()}
    return held.totals, held.by_agency, held.counts, held.weights, held.verified, urgent, pairs


@LAW
@given(messages(), st.randoms(use_true_random=False), st.sampled_from([1, 3, 99]))
def test_the_order_in_which_messages_arrive_changes_nothing_that_is_known(entries, chance, size):
    shuffled = list(entries)
    chance.shuffle(shuffled)
    (one, first), (other, second) = folded(entries), folded(shuffled, size)
    assert known(one) == known(other)
    assert sums(one) == sums(other)
    assert evidence(one) == evidence(other)
    assert judged(one) == judged(other)
    for outputs in (first, second):
        again = palembang(restored(outputs.state))
        assert known(again) == known(one) and sums(again) == sums(one) and evidence(again) == evidence(one)


def test_a_report_that_comes_after_it_was_taken_back_ends_no_silence():
    told = [("reported", 1), ("retracted", 2)]
    first, back = (incident(n, EIGHT_MS, "clash", 1, status=status, revision=n, incident=0) for status, n in told)
    assert [row(folded(order)[0], 0)["data_status"] for order in ([first, back], [back, first])] == ["live", "silent"]


@LAW
@given(messages(), st.randoms(use_true_random=False))
def test_who_does_not_name_anothers_incident_changes_nothing_about_it(entries, chance):
    """The numbers are equal on purpose: three of each source."""
    strangers = [entry for entry in entries if entry[11] != "polda" and not entry[3].startswith("polda ")]
    own = [entry for entry in entries if entry[3].startswith("polda ")]
    mixed = [*own, *strangers]
    chance.shuffle(mixed)
    alone, among = folded(own)[0], folded(mixed)[0]
    assert known(alone) == {key: record for key, record in known(among).items() if key.startswith("polda ")}


@LAW
@given(messages())
def test_each_source_that_takes_back_its_words_leaves_the_empty_row(entries):
    retractions = list(taken_back(entries, EIGHT_MS))
    state, outputs = folded([*entries, *retractions])
    empty = run([tick(EIGHT_MS), tick(EIGHT_MS + COMPILED.step_ms)]).row(PALEMBANG)
    for name in ("windows", "score", "components", "candidates", "candidate_pairs", "confidence", "turnout"):
        assert outputs.row(PALEMBANG)[name] == empty[name], name
    assert not any(record.stands for record in state.incidents.records.values())
    assert evidence(state) == [] and not any(state.incidents.totals) and not any(state.incidents.by_agency)


def taken_back(entries: list[Entry], at_ms: int) -> Iterator[Entry]:
    """A retraction of each source of each of its words."""
    for number, (key, source) in enumerate(sorted({(entry[3], entry[11]) for entry in entries})):
        origin, name = parts_of(key)
        yield incident(
            f"r{number}", at_ms, source=source, agency=AGENCIES[source], origin=origin, revision=999,
            incident=name.removeprefix("i-"), status="retracted",
        )  # fmt: skip


@LAW
@given(messages(), st.data())
def test_a_retraction_takes_back_the_word_of_its_source_and_nothing_else(entries, data):
    retraction = data.draw(st.sampled_from(list(taken_back(entries, EIGHT_MS))))
    key, source = retraction[3], retraction[11]
    before, after = folded(entries)[0], folded([*entries, retraction])[0]
    assert _others(before, key) == _others(after, key)

    def words_but_its_own(state: RegencyState) -> list[Word]:
        return [word for word in standing_of(state.incidents.records[key]) if word.source != source]

    assert words_but_its_own(before) == words_but_its_own(after) == standing_of(after.incidents.records[key])


def _others(state: RegencyState, key: str) -> dict[str, Record]:
    return {name: record for name, record in known(state).items() if name != key}


@LAW
@given(messages(sources=("kpu", "kpu-palembang"), most=25))
def test_two_systems_of_one_agency_never_confirm_each_other(entries):
    state, outputs = folded(entries)
    assert not any(is_confirmed(record) for record in state.incidents.records.values())
    assert outputs.row(PALEMBANG)["confidence"]["sources"] <= 1
    assert outputs.row(PALEMBANG)["candidates"] == 0
    grave = any(entry[7] == 5 for entry in entries)
    for item in outputs.changes(PALEMBANG):
        assert item["unverified"] or item["level"] == "normal"
        assert item["level"] in (("normal", "waspada", "siaga") if grave else ("normal", "waspada"))


@LAW
@given(messages())
def test_an_incident_is_confirmed_by_words_of_two_agencies_that_bear_it_out(entries):
    """By a recount: of each source the word of the highest revision, in any other order than that of the fold."""
    state, latest = folded(entries)[0], {}
    for entry in sorted(entries, key=lambda entry: entry[4]):
        latest[entry[3], entry[11]] = entry
    for key, record in state.incidents.records.items():
        standing = {entry[13] for (name, _), entry in latest.items() if name == key and entry[8] != "retracted"}
        assert record.stands is bool(standing)
        assert not standing or agencies_of(record) == standing
        said = [e for (name, _), e in latest.items() if name == key and e[8] != "retracted"]
        scoring = [e for e in said if e[6] != "protest"] or said
        most = max((e[7] for e in scoring), default=None)
        assert most is None or record.kind.severity == most
        group, least = record.kind.group, min(record.kind.severity - 1, GRAVE - 1)
        behind = {e[13] for e in said if COMPILED.kinds[e[6], e[7]].group == group and e[7] >= least}
        assert is_confirmed(record) is (len(behind) > 1)
