"""`siaga sources check`: what the file says, a line for each problem, and warnings that change no exit status."""

from pathlib import Path

import pytest

from schemas.sources import Sources
from tests.apps.cli.siaga import Siaga

bare = Siaga()


def written(folder: Path, text: str) -> str:
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    return str(folder / "mine.toml")


def test_without_a_file_the_one_in_force_is_shown(tmp_path: Path):
    packaged = bare("sources", "check")
    assert packaged.status == 0
    assert packaged.error_lines == [
        'warning: unknown is "accept": who may write the common topics can report as any number of agencies'
    ]
    names = [line.split()[0] for line in packaged.out.decode().splitlines()[1:-1]]
    assert names == list(Sources.default().sources)
    mine = written(tmp_path, '[sources.kpu]\nagency = "kpu"\n')
    assert bare("sources", "check", SIAGA_SOURCES_FILE=mine).out == bare("sources", "check", mine).out != packaged.out


def test_the_table_shows_each_source_with_its_rights(tmp_path: Path):
    text = """
        unknown = "reject"
        [sources.kpu]
        agency = "kpu"
        turnout = 1
        input = "kpu"
        [sources.polda]
        agency = "polda"
        only = ["incidents"]
        regencies = ["16.71", "16.72"]
    """
    done = bare("sources", "check", written(tmp_path, text))
    assert (done.status, done.err) == (0, "")
    assert done.out.decode().splitlines() == [
        "source  agency  turnout  reports             regencies  input",
        "kpu     kpu     1        incidents, turnout  all        kpu",
        "polda   polda   -        incidents           2          -",
        "sources that are not named: rejected",
    ]


def test_a_doubt_is_a_warning_and_status_0(tmp_path: Path):
    done = bare("sources", "check", written(tmp_path, 'unknown = "reject"\n[sources.kpu]\nagency = "kpo"\n'))
    assert (done.status, done.err) == (
        0,
        "warning: sources.kpu.agency: no other source belongs to kpo; is it misspelt?\n",
    )


def test_regencies_are_held_against_the_roster_given(tmp_path: Path):
    roster = tmp_path / "roster.csv"
    roster.write_text("regency,name,stations,registered\n99.01,Desa,1,1\n")
    file = written(tmp_path, 'unknown = "reject"\n[sources.kpu]\nagency = "kpu"\nregencies = ["99.01"]\n')
    assert bare("sources", "check", file, "--roster", str(roster)).err == ""
    assert "the roster lacks 99.01" in bare("sources", "check", file).err


def test_each_problem_is_a_line_that_names_the_file_and_status_2(tmp_path: Path):
    file = written(tmp_path, '[sources.KPU]\nagency = "kpu"\n[sources.bpbd]\nturnout = 0\n')
    done = bare("sources", "check", file)
    assert (done.status, done.out) == (2, b"")
    assert [line.split(": ")[:2] for line in done.error_lines] == [
        ["Error", f"{file} line 1, sources.KPU"],
        ["Error", f"{file} line 3, sources.bpbd.agency"],
        ["Error", f"{file} line 4, sources.bpbd.turnout"],
    ]


def test_a_file_that_is_not_there_is_one_line_and_status_2(tmp_path: Path):
    done = bare("sources", "check", str(tmp_path / "absent.toml"))
    assert (done.status, done.error_lines) == (2, [f"Error: {tmp_path / 'absent.toml'}: No such file or directory"])


@pytest.mark.parametrize("command", [["topics"], ["worker"], ["redrive", "--reason", "future"]])
def test_a_wrong_sources_file_is_one_line_and_status_2_for_who_needs_it(command: list[str], tmp_path: Path):
    file = written(tmp_path, "[sources.kpu]\n")
    done = bare(*command, SIAGA_SOURCES_FILE=file, SIAGA_BROKER="127.0.0.1:1")
    assert (done.status, done.out) == (2, b"")
    assert done.error_lines == [f"Error: {file} line 1, sources.kpu.agency: Field required"]


def test_an_input_is_a_name_and_no_path():
    done = bare("publish", "incidents", "--input", "KPU/x", "--check")
    assert (done.status, len(done.error_lines)) == (2, 1) and done.err.startswith("Error: --input: ")
