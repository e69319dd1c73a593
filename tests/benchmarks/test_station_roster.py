"""The measurement of the station roster counts every station of the file that it makes."""

import json

import pytest

from benchmarks import station_roster


@pytest.mark.parametrize("villages", ["0", "1", "10"])
def test_each_made_up_station_is_loaded(villages: str, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr("sys.argv", ["station_roster", "--stations", "1500", "--villages", villages])
    station_roster.main()
    figures = json.loads(capsys.readouterr().out)
    assert figures["stations"] == 1500 and figures.keys() >= {"load_s", "of_json", "bytes_a_station", "find_us"}
