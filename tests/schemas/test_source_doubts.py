"""What a sources file may say and probably does not mean: one line each."""

from schemas.roster import Roster
from schemas.sources import Sources
from schemas.sources.doubts import NAMED_MOST, doubts

ROSTER = Roster.default()


def of(text: str) -> list[str]:
    return list(doubts(Sources.parse('unknown = "reject"\n' + text), ROSTER))


ACCEPT = 'unknown is "accept": who may write the common topics can report as any number of agencies'


def test_the_packaged_file_leaves_one_doubt_names_that_can_be_invented():
    assert list(doubts(Sources.default(), ROSTER)) == [ACCEPT]
    assert ACCEPT in doubts(Sources.parse(""), ROSTER)
    assert list(doubts(Sources.default().model_copy(update={"unknown": "reject"}), ROSTER)) == []


def test_an_agency_of_one_source_with_another_name_may_be_misspelt():
    text = '[sources.{}]\nagency = "bawaslu"\n[sources.kpu]\nagency = "kpu"\n'
    assert of(text.format("bawaslu")) == []
    (line,) = of(text.format("siwaslu"))
    assert line == "sources.siwaslu.agency: no other source belongs to bawaslu; is it misspelt?"


def test_an_input_that_two_agencies_share_is_named():
    text = '[sources.kpu]\nagency = "kpu"\ninput = "kpu"\n[sources.bawaslu]\nagency = "{}"\ninput = "kpu"\n'
    assert of(text.format("kpu")) == []
    assert of(text.format("bawaslu")) == [
        "input kpu: bawaslu and kpu share it, so its user can report in the name of each"
    ]


def test_a_regency_that_the_roster_lacks_is_named():
    assert of('[sources.kpu]\nagency = "kpu"\n[sources.bpbd]\nagency = "bpbd"\nregencies = ["16.71", "99.01"]') == [
        "sources.bpbd.regencies: the roster lacks 99.01"
    ]


def test_regencies_whose_turnout_nobody_may_report_are_named_up_to_ten():
    counting = '[sources.kpu]\nagency = "kpu"\nregencies = [{}]\n[sources.bpbd]\nagency = "bpbd"\nonly = ["incidents"]'
    quoted = [f'"{code}"' for code in ROSTER]
    assert of(counting.format(", ".join(quoted))) == []
    assert of(counting.format(", ".join(quoted[1:]))) == ["no source of the file may report turnout of 16.01"]
    (line,) = of(counting.format(quoted[0]))
    assert line.endswith(f"16.11 and {len(ROSTER) - 1 - NAMED_MOST} more")
