"""The station roster: what a file may hold, what each error says, what stations cost in memory."""

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import stations
from schemas.station_roster import StationRoster, StationRosterError
from schemas.stations import station_key

HEADER = "regency,village,station,registered\n"
STATIONS = 20_000
BYTES_MAX = 120  # of memory a station


def parsed(*rows: str) -> StationRoster:
    return StationRoster.parse(HEADER + "\n".join(rows), "stations.csv")


def test_a_station_is_found_by_its_key_with_its_voters():
    palembang = parsed("16.71,16.71.01.1001,tps 12,298", "16.71,16.71.01.1002,TPS 012,", "16.01,,7,310").of("16.71")
    assert palembang is not None and len(palembang) == 2
    assert "16.71.01.1001 TPS 012" in palembang and palembang.registered("16.71.01.1001 TPS 012") == 298
    assert "16.71.01.1002 TPS 012" in palembang and palembang.registered("16.71.01.1002 TPS 012") is None


@pytest.mark.parametrize(
    "key", [" TPS 012", "16.71.01.1001 TPS 013", "16.71.01.1001 ", "16.71.01.1003 TPS 012", "1671 TPS 012", "", 12]
)
def test_a_key_that_the_file_lacks_is_not_in_the_regency(key: object):
    palembang = parsed("16.71,16.71.01.1001,TPS 012,298", "16.01,16.01.01.1001,TPS 013,1").of("16.71")
    assert palembang is not None and key not in palembang
    assert palembang.registered(str(key)) is None


def test_a_station_without_village_has_a_key_without_village():
    palembang = parsed("16.71,,12,").of("16.71")
    assert palembang is not None and list(palembang) == [" TPS 012"] and " TPS 012" in palembang


def test_a_regency_that_the_file_does_not_name_has_no_stations():
    roster = parsed("16.71,,12,")
    assert roster.of("16.01") is None and len(roster) == 1


def test_columns_stand_in_any_order_with_blanks_and_quotes():
    text = 'Station, registered ,VILLAGE,regency\r\n"tps ""a"", b", 12 , 16.71.01.1001 , 16.71\r\n'
    assert list(StationRoster.parse(text).of("16.71") or ()) == ['16.71.01.1001 TPS "A", B']


@pytest.mark.parametrize("start", ["", "\ufeff", "\n \n", "\ufeff\n,,,\n"])
@pytest.mark.parametrize("divider", [",", ";"])
def test_commas_semicolons_mark_and_blank_lines_change_nothing(start: str, divider: str):
    text = (HEADER + "\n16.71,16.71.01.1001,1,300\n,,,\n").replace(",", divider)
    assert list(StationRoster.parse(start + text).of("16.71") or ()) == ["16.71.01.1001 TPS 001"]


def test_lines_after_a_wrong_one_are_not_read():
    lines = iter([HEADER, "16.71,,1,x\n", "16.71,,2,\n"])
    with pytest.raises(StationRosterError, match="^stations.csv line 2, registered"):
        StationRoster.parse(lines, "stations.csv")
    assert list(lines) == ["16.71,,2,\n"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "line 1: the header lacks the column regency"),
        ("regency,village,station\n", "line 1: the header lacks the column registered"),
        (
            "regency,village,station,registered,name\n",
            "line 1: unknown column 'name'; known are regency, village, station, registered",
        ),
        ("regency,village,station,registered,village\n", "line 1: the column village is repeated"),
        (HEADER, ": holds no station"),
        (HEADER + "16.71,,1\n", "line 2: 3 fields, the header has 4"),
        (HEADER + '16.71,,"1,\n', "line 2: not CSV: unexpected end of data"),
        (HEADER + "1671,,1,\n", "line 2, regency: '1671' is not of the form NN.NN"),
        (HEADER + "16.71,16.71.01,1,\n", "line 2, village: '16.71.01' is not of the form NN.NN.NN.NNNN"),
        (HEADER + "16.71,16.01.01.1001,1,\n", "line 2, village: '16.01.01.1001' is not in 16.71"),
        (HEADER + "16.71,, ,\n", "line 2, station: must be 1 to 64 characters, without outer and repeated blanks"),
        (HEADER + "16.71,,a\tb,\n", "line 2, station: must not hold control or invisible characters (U+0009)"),
        (HEADER + "16.71,,1,0\n", "line 2, registered: '0' is neither empty nor a whole number from 1 to 100000"),
        (HEADER + "16.71,,1,7.5\n", "line 2, registered: '7.5' is neither empty nor a whole number from 1 to 100000"),
        (HEADER + "16.71,,1,100001\n", "line 2, registered: '100001' is neither empty nor a whole number from 1 to"),
        ("\n\n" + HEADER + "\n1671,,1,\n", "line 5, regency: '1671' is not of the form NN.NN"),
        (HEADER + "16.71,," + "x" * 200_000 + ",\n", "line 2: not CSV: field larger than field limit (131072)"),
    ],
)
def test_what_cannot_be_used_is_one_line_of_file_line_and_field(text: str, error: str):
    with pytest.raises(StationRosterError) as raised:
        StationRoster.parse(text, "stations.csv")
    assert str(raised.value).replace("stations.csv ", "").replace("stations.csv:", ":").startswith(error)
    assert "\n" not in str(raised.value)


def test_two_spellings_of_one_station_are_a_repeated_station():
    with pytest.raises(
        StationRosterError,
        match=r"^stations.csv line 4, station: 'TPS 001' of 16.71.01.1001 is already on line 2$",
    ):
        parsed("16.71,16.71.01.1001,TPS 1,", "16.71,16.71.01.1002,TPS 1,", "16.71,16.71.01.1001,tps 01,")


def test_of_several_repeated_stations_the_first_line_is_named():
    with pytest.raises(StationRosterError, match=r"^stations.csv line 4, station: 'B' of 16.71 is already on line 3$"):
        parsed("16.71,,a,", "16.71,,b,", "16.71,,b,", "16.71,,a,", "16.71,,a,")


def test_a_regency_beyond_those_given_is_refused():
    with pytest.raises(StationRosterError, match=r"^stations.csv line 3, regency: 16.99 is not in the roster$"):
        StationRoster.parse(HEADER + "16.71,,1,\n16.99,,1,\n", "stations.csv", {"16.71"})


def test_more_stations_than_any_election_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("schemas.station_roster.STATIONS_MAX", 2)
    with pytest.raises(StationRosterError, match=r"^stations.csv line 4, station: more than 2 in all$"):
        parsed("16.71,,1,", "16.71,,2,", "16.71,,3,")


VILLAGES = st.sampled_from(["", "00.01.00.0000", "00.01.99.9999", "16.71.01.1001", "99.99.99.9999"])
ROWS = st.dictionaries(st.tuples(VILLAGES, st.integers(0, 1500)), st.none() | st.integers(1, 100_000), min_size=1)


@given(ROWS)
def test_exactly_the_stations_of_the_file_are_found(rows: dict[tuple[str, int], int | None]):
    expected: dict[str, dict[str, int | None]] = {}
    lines = []
    for (village, number), registered in rows.items():
        regency = village[:5] or "16.71"
        expected.setdefault(regency, {})[station_key(village, f"TPS {number:03d}")] = registered
        lines.append(f"{regency},{village},{number},{registered or ''}")
    roster = parsed(*lines)
    assert len(roster) == len(rows)
    for regency, keys in expected.items():
        found = roster.of(regency)
        assert found is not None and list(found) == sorted(keys)
        assert all(key in found and found.registered(key) == registered for key, registered in keys.items())


@pytest.mark.parametrize("name", ["TPS {0}", "{1:013d}"], ids=["ten names", "a name for each station"])
def test_a_station_takes_at_most_120_bytes(name: str):
    def lines() -> Iterator[str]:
        yield HEADER
        for n in range(STATIONS):
            regency = f"16.{n // 1600 + 1:02d}"
            yield f"{regency},{regency}.01.{n // 10:04d},{name.format(n % 10 + 1, n + 10**12)},{200 + n % 97}\n"

    StationRoster.parse(lines())  # whatever is made once only
    stations._cached.cache_clear()  # or texts that cache and roster share would count for neither
    tracemalloc.start()
    try:
        roster = StationRoster.parse(lines())
        stations._cached.cache_clear()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(roster) == STATIONS
    assert taken / STATIONS <= BYTES_MAX
