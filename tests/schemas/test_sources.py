"""Laws of sources files: one line for the first error; who may report what, about where, on which topic."""

import re
import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fields import SOURCE_PATTERN
from schemas.rejected import ERROR_MAX_CHARS, Rejected
from schemas.roster import Roster
from schemas.sources import UNRANKED, Sources, SourcesError, Speaker
from schemas.topics import INPUTS, Topic
from schemas.vocabulary import RejectReason

TEXT = resources.files("schemas").joinpath("sources/sumsel.toml").read_text(encoding="utf-8")
DEFAULT = Sources.default()
FILE = Sources.parse(
    """
    unknown = "reject"
    [sources.sirekap]
    agency = "kpu"
    turnout = 1
    input = "kpu"
    [sources.kpu]
    agency = "kpu"
    input = "kpu"
    [sources.bawaslu]
    agency = "bawaslu"
    turnout = 2
    [sources.polda]
    agency = "polda"
    only = ["incidents"]
    regencies = ["16.71", "16.72"]
    """
)


def error_of(text: str) -> str:
    with pytest.raises(SourcesError) as raised:
        Sources.parse(text, "mine.toml")
    return str(raised.value)


def refusal(sources: Sources, kind: Topic, source: str, regency: str = "16.71", own: str = "") -> str | None:
    """Why a message is refused; None if it is accepted."""
    try:
        sources.speakers(kind, own).of(source, regency)
    except Rejected as rejected:
        assert rejected.reason is RejectReason.SOURCE_NOT_ALLOWED
        assert rejected.error.startswith("source: ") and len(rejected.error) <= ERROR_MAX_CHARS
        return rejected.error.removeprefix("source: ")
    return None


SOURCE = '[sources.kpu]\nagency = "kpu"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("= 1", "not TOML: "),
        ('unknown = "maybe"', "line 1, unknown: "),
        ("known = 1", "line 1, known: "),
        ('[sources.KPU]\nagency = "kpu"', "line 1, sources.KPU: 'KPU' is not 1 to 32 of a-z, 0-9 and -"),
        (f'[sources.{"x" * 33}]\nagency = "kpu"', "is not 1 to 32 of a-z, 0-9 and -"),
        ('[sources."a\\nb"]\nagency = "kpu"', "line 1, sources.'a\\nb': 'a\\nb' is not 1 to 32"),
        ("[sources.kpu]", "line 1, sources.kpu.agency: Field required"),
        ('[sources.kpu]\nagensi = "kpu"', "sources.kpu.agency: Field required; line 2, sources.kpu.agensi: not known"),
        ('[sources.kpu]\nagency = "KPU"', "line 2, sources.kpu.agency: 'KPU' is not 1 to 32"),
        (SOURCE + "turnout = 0", "line 3, sources.kpu.turnout: "),
        (SOURCE + f"turnout = {UNRANKED}", "line 3, sources.kpu.turnout: "),
        (SOURCE + "turnout = true", "line 3, sources.kpu.turnout: "),
        (SOURCE + 'turnout = "1"', "line 3, sources.kpu.turnout: "),
        (SOURCE + "only = []", "line 3, sources.kpu.only: "),
        (SOURCE + 'only = ["risk"]', "line 3, sources.kpu.only.0: Input should be 'incidents' or 'turnout'"),
        (SOURCE + 'only = ["turnout", "turnout"]', "line 3, sources.kpu.only: 'turnout' is repeated"),
        (
            SOURCE + 'only = ["incidents"]\nturnout = 7',
            "line 4, sources.kpu: turnout is 7, but only leaves turnout out",
        ),
        (SOURCE + "regencies = []", "line 3, sources.kpu.regencies: "),
        (SOURCE + 'regencies = ["16.71", "16.7"]', "line 3, sources.kpu.regencies.1: '16.7' is not of the form NN.NN"),
        (SOURCE + "regencies = [16.71]", "line 3, sources.kpu.regencies.0: "),
        (SOURCE + 'regencies = ["16.71", "16.71"]', "line 3, sources.kpu.regencies: '16.71' is repeated"),
        (SOURCE + 'input = "KPU"', "line 3, sources.kpu.input: 'KPU' is not 1 to 32"),
        (SOURCE + 'input = "risk-state"', "line 3, sources.kpu.input: 'risk-state' is the name of a topic"),
        (SOURCE + 'unknown = "reject"', "line 3, sources.kpu.unknown: "),
        (
            SOURCE + 'turnout = 1\n[sources.bawaslu]\nagency = "bawaslu"\nturnout = 1',
            "line 6, sources: sources.bawaslu.turnout is 1, which is the order of kpu already",
        ),
        (
            SOURCE + 'turnout = 1\n[sources.sirekap]\nagency = "kpu"\nturnout = 1',
            "line 6, sources: sources.sirekap.turnout is 1, which is the order of kpu already",
        ),
        ('unknown = "reject"', 'line 1, sources: unknown is "reject" and no source is named: nobody could report'),
    ],
)
def test_an_error_is_one_line_that_names_file_source_and_field(text: str, said: str):
    error = error_of(text)
    assert error.startswith("mine.toml") and said in error and "\n" not in error, error


@given(st.text())
def test_any_text_is_a_sources_file_or_one_line(text: str):
    try:
        Sources.parse(text)
    except SourcesError as error:
        assert str(error).isprintable()


def test_an_empty_file_accepts_everybody_as_an_agency_of_its_own():
    assert Sources.parse("") == Sources(unknown="accept", sources={})
    for kind in INPUTS:
        assert Sources.parse("").speakers(kind).of("media-x", "16.71") == Speaker("?media-x", UNRANKED)


def test_a_speaker_is_its_agency_and_its_turnout_order_or_the_last_rank():
    assert FILE.speakers(Topic.TURNOUT, "kpu").of("sirekap", "16.71") == Speaker("kpu", 1)
    assert FILE.speakers(Topic.TURNOUT, "kpu").of("kpu", "16.71") == Speaker("kpu", UNRANKED)
    assert FILE.speakers(Topic.TURNOUT).of("bawaslu", "99.01") == Speaker("bawaslu", 2)


def test_a_source_reports_only_what_it_may():
    assert refusal(FILE, Topic.INCIDENTS, "polda") is None
    assert refusal(FILE, Topic.TURNOUT, "polda") == "may not report turnout"
    voters = Sources.parse('[sources.count]\nagency = "kpu"\nonly = ["turnout"]')
    assert refusal(voters, Topic.TURNOUT, "count") is None
    assert refusal(voters, Topic.INCIDENTS, "count") == "may not report incidents"


def test_a_source_reports_only_where_it_may():
    assert refusal(FILE, Topic.INCIDENTS, "polda", "16.72") is None
    assert refusal(FILE, Topic.INCIDENTS, "polda", "16.01") == "may not report on this regency"


@pytest.mark.parametrize("kind", INPUTS)
def test_a_source_with_an_input_reports_on_that_input_alone(kind: Topic):
    assert refusal(FILE, kind, "kpu", own="kpu") is None
    assert refusal(FILE, kind, "kpu") == "reports on the input kpu only"
    assert refusal(FILE, kind, "kpu", own="polda") == "reports on the input kpu only"


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("unknown", ["accept", "reject"])
def test_nobody_else_reports_on_an_input_of_its_own(kind: Topic, unknown: str):
    sources = FILE.model_copy(update={"unknown": unknown})
    for source in ("bawaslu", "media-x"):
        assert refusal(sources, kind, source, own="kpu") == "may not report on the input kpu"


@pytest.mark.parametrize("kind", INPUTS)
def test_an_unknown_source_is_accepted_or_refused_as_the_file_says(kind: Topic):
    assert refusal(FILE, kind, "media-x") == "not in the sources file"
    assert refusal(FILE.model_copy(update={"unknown": "accept"}), kind, "media-x") is None


def test_inputs_are_named_once_and_in_order():
    text = "".join(f'[sources.s{n}]\nagency = "a"\ninput = "{name}"\n' for n, name in enumerate("cabac"))
    assert Sources.parse(text).inputs == ("a", "b", "c") and DEFAULT.inputs == ()


def test_the_default_keeps_to_the_pattern_and_repeats_no_table():
    tables = re.findall(r"^\[sources\.(.+)\]$", TEXT, re.MULTILINE)
    assert tables == list(tomllib.loads(TEXT)["sources"]) and all(re.fullmatch(SOURCE_PATTERN, name) for name in tables)


@pytest.mark.parametrize("source", ["kpu", "kpu-sumsel", "sirekap", "bawaslu", "bawaslu-sumsel", "siwaslu", "media-x"])
@pytest.mark.parametrize("kind", INPUTS)
def test_a_national_or_provincial_election_body_reports_everywhere(kind: Topic, source: str):
    assert refusal(DEFAULT, kind, source, "16.71") is refusal(DEFAULT, kind, source, "99.99") is None


@pytest.mark.parametrize("agency", ["polda", "bpbd"])
def test_police_and_disaster_agencies_report_incidents_only(agency: str):
    systems = {name: source for name, source in DEFAULT.sources.items() if source.agency == agency}
    assert agency in systems and all(source.only == ("incidents",) for source in systems.values())


@pytest.mark.parametrize("agency", ["kpu", "bawaslu", "polda", "bpbd"])
def test_each_agency_has_an_office_in_each_regency_of_the_roster(agency: str):
    offices = [source.regencies for source in DEFAULT.sources.values() if source.agency == agency and source.regencies]
    assert sorted(offices) == [(code,) for code in Roster.default()]


def test_the_counting_system_comes_first_and_the_kpu_before_bawaslu():
    ranked = sorted(
        (source.turnout, source.agency, name) for name, source in DEFAULT.sources.items() if source.turnout is not None
    )
    agencies = [agency for _, agency, _ in ranked]
    assert ranked[0] == (1, "kpu", "sirekap")
    assert next(name for _, agency, name in ranked if agency == "bawaslu") == "siwaslu"
    assert agencies == ["kpu"] * 20 + ["bawaslu"] * 20
