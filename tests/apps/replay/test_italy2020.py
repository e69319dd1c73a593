"""Italy 2020: after splitting and renaming, each region's totals equal the Ministry's."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy import load_roster
from apps.replay import italy2020
from apps.replay.italy2020 import Municipality, SourceError
from schemas.turnout import VOTERS_MAX
from schemas.wire import decode_turnout
from tests.apps.cli.siaga import Siaga


@pytest.fixture(scope="module")
def comuni(shared_data: Path) -> list[Municipality]:
    return list(italy2020.read(shared_data / "italy_2020_referendum_affluenzaComuni.csv"))


@pytest.fixture(scope="module")
def regioni(shared_data: Path) -> dict[str, dict[str, str]]:
    """The Ministry's own totals, by region number."""
    with (shared_data / "italy_2020_referendum_affluenzaRegioni.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["cod"].zfill(2): row for row in csv.DictReader(file)}


def test_roster_totals_are_the_ministry_s(comuni: list[Municipality], regioni: dict[str, dict[str, str]]):
    rows = italy2020.roster_rows(comuni)
    assert {row["regency"]: row["registered"] for row in rows} == {
        f"39.{code}": int(row["ele_t"]) for code, row in regioni.items()
    }
    assert {str(row["name"]).upper() for row in rows} == {row["desc"] for row in regioni.values()}


def test_votes_of_each_region_at_each_time_are_the_ministry_s(
    comuni: list[Municipality], regioni: dict[str, dict[str, str]]
):
    votes: dict[tuple[str, str], int] = defaultdict(int)
    registered: dict[tuple[str, str], int] = defaultdict(int)
    for line in italy2020.turnout_lines(comuni):
        message = decode_turnout(line)
        at = message.as_of.strftime("%Y%m%d%H%M%S")
        votes[message.regency, at] += message.voted
        registered[message.regency, at] += message.registered
    assert len(votes) == 20 * 4
    for code, row in regioni.items():
        for snapshot in range(4):
            key = f"39.{code}", row[f"com_vot:{snapshot}:dt_com"]
            assert votes[key] == int(row[f"com_vot:{snapshot}:vot_t"]), key
            assert registered[key] == int(row["ele_t"]), key


def test_each_station_of_the_roster_reports_four_times_under_its_own_ids(comuni: list[Municipality]):
    messages = [json.loads(line) for line in italy2020.turnout_lines(comuni)]
    stations = {(message["regency"], message["station"]) for message in messages}
    assert len(comuni) == 7903
    assert len(stations) == sum(int(str(row["stations"])) for row in italy2020.roster_rows(comuni)) == 7984
    assert len({message["event_id"] for message in messages}) == len(messages) == 4 * len(stations)


def test_only_the_count_that_falls_in_the_source_falls(comuni: list[Municipality]):
    counts: dict[str, list[int]] = defaultdict(list)
    for line in italy2020.turnout_lines(comuni):
        message = json.loads(line)
        counts[message["station"]].append(message["voted"])
    assert {station for station, count in counts.items() if count != sorted(count)} == {"030051"}
    assert counts["030051"] == [82, 273, 210, 271]


@given(st.integers(1, 3_000_000), st.data())
def test_parts_add_up_fit_and_never_fall(registered: int, data: st.DataObject):
    earlier = data.draw(st.integers(0, registered))
    later = data.draw(st.integers(earlier, registered))
    parts = Municipality("000001", "01", registered, ()).parts

    def split(total: int) -> list[int]:
        return [italy2020.share(total, part, parts) for part in range(parts)]

    assert sum(split(registered)) == registered and max(split(registered)) <= VOTERS_MAX
    assert sum(split(later)) == later
    assert all(e <= v <= r for e, v, r in zip(split(earlier), split(later), split(registered), strict=True))


def test_the_command_writes_a_roster_and_lines_that_publish_accepts(shared_data: Path, tmp_path: Path):
    siaga, roster, turnout = Siaga(), tmp_path / "roster.csv", tmp_path / "turnout.jsonl"
    source = shared_data / "italy_2020_referendum_affluenzaComuni.csv"
    done = siaga("convert", "italy-2020", str(source), "--roster", str(roster), "--turnout", str(turnout))
    assert (done.status, done.error_lines) == (0, ["7903 municipalities, 7984 stations, 20 regions, 31936 messages"])
    assert len(load_roster(roster)) == 20
    checked = siaga("publish", "turnout", str(turnout), "--check", "--roster", str(roster))
    assert (checked.status, checked.error_lines[-1]) == (0, "31936 read, 31936 would be sent, 0 rejected")


@pytest.mark.parametrize(
    ("old", "new"), [("15723", "many"), ("050540000", "990540000"), ("20200920120000", "noon"), (",2405,", ",,")]
)
def test_an_invalid_row_is_an_error_with_its_line_number(tmp_path: Path, old: str, new: str):
    file = tmp_path / "comuni.csv"
    header = "CODICE ISTAT,comune,provincia,elettori," + ",".join(
        f"datah{hour},%h{hour},voti_h{hour}" for hour in italy2020.SNAPSHOTS
    )
    row = (
        "028001,ABANO TERME,050540000,15723,20200920120000,15.30,2405,20200920190000,39.55,6218,"
        "20200920230000,50.41,7926,20200921150000,67.33,10586"
    )
    file.write_text(f"{header}\r\n{row}\r\n{row.replace(old, new)}")
    with pytest.raises(SourceError, match="line 3"):
        list(italy2020.read(file))
