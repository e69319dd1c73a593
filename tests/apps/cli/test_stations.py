"""`siaga stations check`: counts beside the roster's, and a file that cannot be used is one line and status 2."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from apps.cli.main import main

HEADER = "regency,village,station,registered\n"


@pytest.fixture(autouse=True)
def _roster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "roster.csv").write_text(
        "regency,name,stations,registered\n16.71,Kota Palembang,3,900\n16.01,Kabupaten Ogan Komering Ulu,1,300\n"
    )
    monkeypatch.setenv("SIAGA_ROSTER", str(tmp_path / "roster.csv"))
    monkeypatch.delenv("SIAGA_STATIONS", raising=False)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["stations", "check", *arguments])


def file_of(tmp_path: Path, *rows: str) -> str:
    (tmp_path / "stations.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return str(tmp_path / "stations.csv")


def test_each_regency_is_counted_beside_the_roster(tmp_path: Path):
    result = check(file_of(tmp_path, "16.71,,1,300", "16.71,,2,", "16.01,,1,290"))
    assert result.exit_code == 0
    assert [" ".join(line.split()) for line in result.output.splitlines()[1:]] == [
        "16.71 2 3 -1 300 900 1 Kota Palembang",
        "16.01 1 1 +0 290 300 0 Kabupaten Ogan Komering Ulu",
        "3 stations, 4 in the roster",
        "1 of 2 regencies differ in stations",
    ]


def test_a_regency_without_stations_in_the_file_is_counted_as_none(tmp_path: Path):
    result = check(file_of(tmp_path, "16.71,,1,300"))
    assert result.exit_code == 0
    assert result.output.splitlines()[2].split()[:7] == ["16.01", "0", "1", "-1", "0", "300", "0"]


def test_without_a_file_the_setting_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SIAGA_STATIONS", file_of(tmp_path, "16.71,,1,300"))
    assert check().exit_code == 0
    monkeypatch.delenv("SIAGA_STATIONS")
    result = check()
    assert (result.exit_code, result.output) == (2, "Error: give a FILE or set SIAGA_STATIONS\n")


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("31.71,,1,300", "line 2, regency: 31.71 is not in the roster"),
        ("16.71,16.01.01.1001,1,300", "line 2, village: '16.01.01.1001' is not in 16.71"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_and_status_2(tmp_path: Path, row: str, error: str):
    path = file_of(tmp_path, row)
    result = check(path)
    assert (result.exit_code, result.output) == (2, f"Error: {path} {error}\n")


def test_a_file_that_is_not_there_is_one_line_and_status_2(tmp_path: Path):
    result = check(str(tmp_path / "absent.csv"))
    assert (result.exit_code, result.output) == (2, f"Error: {tmp_path}/absent.csv: No such file or directory\n")
