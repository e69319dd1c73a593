"""Rosters, rulesets and sources files are opened in one place; a file that cannot be used is one line that names it."""

import pytest

from agents.policy import load_roster, load_ruleset, load_sources, load_stations
from schemas.roster import Roster, RosterError
from schemas.ruleset import Ruleset, RulesetError
from schemas.sources import Sources, SourcesError
from schemas.station_roster import StationRosterError

ROSTER = "regency,name,stations,registered\n16.71,Désa,1,1"
STATIONS = "regency,village,station,registered\n16.71,,Désa,1\n"


def test_without_a_path_the_packaged_ones_are_used():
    assert list(load_roster()) == list(Roster.default()) and load_ruleset() == Ruleset.default()
    assert load_sources() == Sources.default()


def test_a_roster_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "mine.csv").write_bytes(f"\ufeff{ROSTER}".encode())
    assert load_roster(tmp_path / "mine.csv")["16.71"].name == "Désa"


@pytest.mark.parametrize("load, error", [(load_ruleset, RulesetError), (load_sources, SourcesError)])
def test_an_error_in_a_file_names_the_file(load, error, tmp_path):
    (tmp_path / "mine.toml").write_text("nonsense", encoding="utf-8")
    with pytest.raises(error, match=r"mine\.toml: not TOML"):
        load(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    "load, error", [(load_roster, RosterError), (load_ruleset, RulesetError), (load_sources, SourcesError)]
)
def test_a_file_that_cannot_be_read_is_one_line(load, error, tmp_path):
    with pytest.raises(error, match=r"absent: No such file"):
        load(tmp_path / "absent")
    (tmp_path / "latin").write_bytes(ROSTER.encode("latin-1"))
    with pytest.raises(error, match=r"latin: not UTF-8 at byte"):
        load(tmp_path / "latin")


def test_a_station_roster_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "mine.csv").write_bytes(f"\ufeff{STATIONS}".encode())
    assert list(load_stations(tmp_path / "mine.csv").of("16.71")) == [" DÉSA"]


def test_a_station_roster_that_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(StationRosterError, match=r"absent: No such file"):
        load_stations(tmp_path / "absent")
    (tmp_path / "latin").write_bytes(STATIONS.encode("latin-1"))
    with pytest.raises(StationRosterError, match=r"latin line 2: not UTF-8$"):
        load_stations(tmp_path / "latin")
