"""Laws of whose word stands: every word on an incident, who confirms, what people joined, and contradicting figures."""

import pytest

from apps.history.explain import explain_row
from apps.history.whose_word import INCIDENTS_SHOWN, whose_word
from tests.streams.ledgers import EIGHT_MS, MINUTE_MS, PALEMBANG, fresh, incident, join, rows, run, tick, turnout

VILLAGE = "16.71.01.1001"
CLASH = incident("a", EIGHT_MS, "clash", 4, source="polda", place=f"{VILLAGE} ")
DOUBLE = incident("b", EIGHT_MS, "clash", 3, source="siwaslu", agency="bawaslu", place=f"{VILLAGE} ")


def lines(*entries, language: str = "en") -> list[str]:
    table = fresh()
    outputs = run([tick(EIGHT_MS - MINUTE_MS), (PALEMBANG, list(entries))], table)
    state = next(state for state in table if state.regency.code == PALEMBANG)
    row, history = rows(table)[PALEMBANG], outputs.changes(PALEMBANG)
    told = whose_word(state, row, history, language, 420)
    explained = explain_row(row, history, language, 420, told)
    assert "\n".join(told) in "\n".join(explained)
    return explained


def test_each_word_on_an_incident_is_shown_with_revision_and_status():
    second = incident(
        "c", EIGHT_MS, "clash", 3, source="siwaslu", agency="bawaslu", origin="polda", incident="a", revision=7,
        status="verified",
    )  # fmt: skip
    shown = lines(CLASH, second)
    at = shown.index("  - polda/i-a: confirmed, words of bawaslu, polda stand")
    assert shown[at + 1 : at + 3] == [
        "      polda (polda), revision 1: clash, severity 4, reported",
        "      siwaslu (bawaslu), revision 7: clash, severity 3, verified",
    ]


def test_what_one_agency_tells_or_has_taken_back_is_not_confirmed():
    assert "  - polda/i-a: not confirmed, only polda tells it" in lines(CLASH)
    gone = incident("c", EIGHT_MS, "clash", 4, source="polda", incident="a", revision=2, status="retracted")
    assert "  - polda/i-a: taken back, nobody tells it any more" in lines(CLASH, gone)


def test_an_agency_that_no_sources_file_names_is_shown_by_its_name():
    """Also beside an agency of the file that has the same name: the two confirm, and are shown once."""
    second = incident("c", EIGHT_MS, "clash", 4, source="pemantau", agency="?pemantau", origin="polda", incident="a")
    shown = lines(CLASH, second)
    at = shown.index("  - polda/i-a: confirmed, words of pemantau, polda stand")
    assert shown[at + 1] == "      pemantau (pemantau), revision 1: clash, severity 4, reported"
    alike = [
        incident("c", EIGHT_MS, "clash", 4, source="mabes", agency="polri", origin="polda", incident="a"),
        incident("d", EIGHT_MS, "clash", 4, source="polri", agency="?polri", origin="polda", incident="a"),
    ]
    assert "  - polda/i-a: confirmed, words of polda, polri stand" in lines(CLASH, *alike)
    figures = lines(turnout(1, EIGHT_MS, "TPS 1", 9), turnout(2, EIGHT_MS, "TPS 1", 8, source="x", agency="?x"))
    assert any(line.strip().startswith("x (x): ") for line in figures), figures
    assert not any("?" in line for line in shown + figures)


@pytest.mark.parametrize(
    "language, said", [("en", "May be one incident under two numbers, pairs: 1."), ("id", "Mungkin satu insiden")]
)
def test_candidates_are_named_as_a_pair_with_the_words_of_both(language, said):
    shown = lines(CLASH, DOUBLE, language=language)
    assert any(line.startswith(said) for line in shown)
    assert any("polda/i-a" in line and "siwaslu/i-b" in line for line in shown)
    assert sum(line.startswith("  - siwaslu/i-b: ") for line in shown) == 1


def test_joined_numbers_are_named_and_their_words_say_where_they_were_told():
    shown = lines(CLASH, DOUBLE, join(EIGHT_MS, "polda i-a", "siwaslu i-b"))
    at = shown.index("Joined by people:")
    assert shown[at + 1] == "  - siwaslu/i-b is counted as polda/i-a"
    assert "      siwaslu (bawaslu), revision 1: clash, severity 3, reported, told as siwaslu/i-b" in shown
    assert not any("one incident under two numbers" in line for line in shown)


def test_a_conflicting_station_is_shown_with_the_figure_of_each_source():
    shown = lines(
        turnout(1, EIGHT_MS, "TPS 001", 120, village=VILLAGE, source="sirekap", agency="kpu"),
        turnout(2, EIGHT_MS, "TPS 001", 130, village=VILLAGE, source="siwaslu", agency="bawaslu", rank=201),
        turnout(3, EIGHT_MS, "TPS 002", 130, village=VILLAGE),
    )
    at = shown.index(f"  - {VILLAGE} TPS 001")
    assert shown[at + 1 : at + 3] == [
        "      sirekap (kpu): 120 of 500 voted, as of 2024-11-27 08:00:00+0700, revision 1",
        "      siwaslu (bawaslu): 130 of 500 voted, as of 2024-11-27 08:00:00+0700, revision 1",
    ]
    assert "At 1 stations two agencies reported different counts of one moment." in shown
    assert not any("TPS 002" in line for line in shown)


def test_a_bounded_number_of_incidents_is_shown():
    many = [
        incident(number, EIGHT_MS, "clash", 4, source=source, place=f"16.71.01.{1000 + number} ")
        for number in range(12)
        for source in ("polda", "bpbd")
    ]
    assert 0 < sum(": not confirmed" in line for line in lines(*many)) <= INCIDENTS_SHOWN
