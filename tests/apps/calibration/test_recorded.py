"""Recorded files: each line through the gate of intake, and errors that name the file and the line."""

import gzip
from pathlib import Path

import pytest

from apps.calibration.recorded import NAMED_MOST, read_files
from apps.calibration.reports import Reports
from apps.publishing.lines import InputError
from schemas.roster import Roster
from schemas.sources import Sources
from tests.apps.calibration.recorded import OFFSET_MS
from tests.apps.cli.siaga import incident, json_lines

WALL_MS = 1_800_000_000_000


def read(*files: Path) -> tuple[Reports, list[str]]:
    reports, told = Reports(OFFSET_MS), list[str]()
    read_files(files, Roster.default(), Sources.default(), reports, WALL_MS, told.append)
    return reports, told


def test_lines_become_incidents_gzip_or_not(tmp_path: Path):
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    plain.write_bytes(json_lines(incident(number) for number in range(5)))
    packed.write_bytes(gzip.compress(json_lines(incident(number) for number in range(3, 9))))
    reports, told = read(plain, packed)
    assert (len(list(reports.incidents())), told) == (9, [])


def test_a_refused_line_is_told_with_its_file_and_number_and_the_others_count(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(json_lines([incident(1), incident(2, severity=9), incident(3, regency="99.01"), incident(4)]))
    reports, told = read(path)
    assert len(list(reports.incidents())) == 2
    assert told == [
        f"{path} line 2: schema: severity: Input should be less than or equal to 5",
        f"{path} line 3: unknown_regency: regency: not in the roster",
    ]


def test_of_many_refused_lines_a_few_are_told_and_the_others_counted(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n" * (NAMED_MOST + 4))
    _, told = read(path)
    assert len(told) == NAMED_MOST + 1
    assert told[-1] == "and 4 more like these"


def test_an_unreadable_file_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="absent.jsonl: No such file"):
        read(tmp_path / "absent.jsonl")
    utf16 = tmp_path / "utf16.jsonl"
    utf16.write_bytes("{}".encode("utf-16"))
    with pytest.raises(InputError, match=r"utf16.jsonl: the text is UTF-16"):
        read(utf16)
