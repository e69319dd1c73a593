"""Rosters: any election's, checked line by line."""

import pytest

from schemas.roster import Regency, Roster, RosterError

HEADER = "regency,name,stations,registered"


def error(text: str) -> str:
    with pytest.raises(RosterError) as caught:
        Roster.parse(text, "r.csv")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_shipped_roster_is_south_sumatra_with_its_known_totals():
    roster = Roster.default()
    assert len(roster) == 17
    assert sum(regency.stations for regency in roster.values()) == 13_055
    assert sum(regency.registered for regency in roster.values()) == 6_382_739
    assert roster["16.71"].name == "Kota Palembang" and roster["16.71"].province == "16"
    assert all(regency.latitude and regency.longitude and regency.neighbours for regency in roster.values())


def test_the_shipped_roster_agrees_with_the_facts_it_was_made_from(shared_data):
    import csv

    roster = Roster.default()
    with open(shared_data / "sumsel_regencies.csv", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            regency = roster[row["kemendagri_code"]]
            assert regency.stations == int(row["tps_pilkada2024_planned_jul24"])
            assert regency.registered == int(row["dpt_pilkada2024"] or regency.registered)
    with open(shared_data / "sumsel_adjacency.csv", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            touches = row["status"] in ("border", "probable")
            assert (row["b_code"] in roster[row["a_code"]].neighbours) is touches


def test_four_columns_are_required():
    assert Roster.parse(f"{HEADER}\n16.71,Palembang,5,1000\n")["16.71"] == Regency("16.71", "Palembang", 5, 1000)


def test_columns_may_come_in_any_order_with_quotes_crlf_mark_and_blank_lines():
    text = '\ufeffName,regency,registered,stations,prior\r\n\r\n"Ogan, Ilir ",16.10, 300 ,2,49.33\r\n,,,,\r\n'
    assert Roster.parse(text)["16.10"] == Regency("16.10", "Ogan, Ilir", 2, 300, prior=49.33)


def test_the_order_of_the_roster_is_kept():
    assert list(Roster.parse(f"{HEADER}\n16.71,B,1,1\n16.01,A,1,1")) == ["16.71", "16.01"]


def test_neighbours_are_symmetric_though_one_row_names_them():
    roster = Roster.parse(f"{HEADER},neighbours\n16.01,A,1,1,16.03; 16.02;16.02\n16.02,B,1,1,\n16.03,C,1,1,16.01")
    assert roster["16.01"].neighbours == ("16.02", "16.03")
    assert roster["16.02"].neighbours == roster["16.03"].neighbours == ("16.01",)


def test_a_nation_of_514_regencies_and_823220_stations_is_read():
    rows = [f"{11 + n // 40}.{n % 40 + 1:02d},Regency {n},{1601 + (n < 306)},398000" for n in range(514)]
    roster = Roster.parse("\n".join([HEADER, *rows]))
    assert len(roster) == 514 and sum(regency.stations for regency in roster.values()) == 823_220


def test_a_roster_cannot_be_changed():
    roster = Roster.default()
    with pytest.raises(TypeError):
        roster["16.71"] = None
    with pytest.raises(AttributeError):
        roster["16.71"].stations = 1


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("1671,A,1,1,,,,", "regency"),
        ("16.7,A,1,1,,,,", "regency"),
        (",A,1,1,,,,", "regency"),
        ("16.71,,1,1,,,,", "name"),
        (f"16.71,{'x' * 81},1,1,,,,", "name"),
        ("16.71,a\tb,1,1,,,,", "name"),
        ("16.71,A,,1,,,,", "stations"),
        ("16.71,A,-1,1,,,,", "stations"),
        ("16.71,A,1.5,1,,,,", "stations"),
        ("16.71,A,1000001,1,,,,", "stations"),
        ("16.71,A,1,1.241.196,,,,", "registered"),
        ("16.71,A,1,many,,,,", "registered"),
        ("16.71,A,1,٣,,,,", "registered"),
        ("16.71,A,1,1,16.72,,,", "neighbours"),
        ("16.71,A,1,1,16.71,,,", "neighbours"),
        ("16.71,A,1,1,Palembang,,,", "neighbours"),
        ("16.71,A,1,1,,101,,", "prior"),
        ("16.71,A,1,1,,-0.1,,", "prior"),
        ("16.71,A,1,1,,nan,,", "prior"),
        ("16.71,A,1,1,,,91,100", "latitude"),
        ("16.71,A,1,1,,,-2,181", "longitude"),
        ("16.71,A,1,1,,,-2,", "latitude and longitude"),
    ],
)
def test_an_error_names_the_line_and_the_field(row, field):
    text = f"{HEADER},neighbours,prior,latitude,longitude\n16.01,OKU,1,1,,,,\n{row}\n"
    assert error(text).startswith(f"r.csv line 3, {field}: ")


def test_an_error_of_the_whole_file_is_one_line():
    assert error("") == "r.csv: holds no regency"
    assert error(HEADER) == "r.csv: holds no regency"
    assert error("regency,name,stations\n") == "r.csv line 1: the header lacks the column registered"
    assert error(f"{HEADER},colour\n").startswith("r.csv line 1: unknown column 'colour'")
    assert error(f"{HEADER},name\n") == "r.csv line 1: the column name is repeated"
    assert error(f"{HEADER}\n16.71,A,1\n") == "r.csv line 2: 3 fields, the header has 4"
    assert error(f"{HEADER}\n16.71,A,1,1\n16.71,B,1,1\n") == "r.csv line 3, regency: 16.71 is already on line 2"
    assert error(f'{HEADER}\n16.71,"A,1,1\n').startswith("r.csv line 2: not CSV: ")
