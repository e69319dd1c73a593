"""`siaga convert csv` as a command: JSON lines on standard output, reports on standard error, exit status."""

from pathlib import Path

import pytest

from tests.apps.cli.siaga import ROOT, Siaga

EXCEL = ROOT / "tests" / "apps" / "conversion" / "excel.csv"
MAPPING = str(ROOT / "examples" / "csv" / "sirekap.toml")


def test_messages_go_to_standard_output_and_refused_lines_to_standard_error():
    done = Siaga()("convert", "csv", "--mapping", MAPPING, "--utc-offset", "+07:00", str(EXCEL))
    assert [message["voted"] for message in done.objects] == [176, 612]
    assert (done.status, done.error_lines[-1]) == (1, "3 read, 2 converted, 1 rejected")
    assert [line.split(":")[0] for line in done.error_lines[:-1]] == ["line 4"]


def test_what_it_prints_is_what_publish_takes():
    good = b"".join(EXCEL.read_bytes().splitlines(keepends=True)[:3])
    done = Siaga()("convert", "csv", "--mapping", MAPPING, "--utc-offset", "+07:00", stdin=good)
    assert (done.status, done.error_lines) == (0, ["2 read, 2 converted, 0 rejected"])
    checked = Siaga()("publish", "turnout", "--check", stdin=done.out)
    assert (checked.status, checked.error_lines) == (0, ["2 read, 2 would be sent, 0 rejected"])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--mapping", "nothing.toml"], "Error: nothing.toml: No such file"),
        (["--mapping", MAPPING, "--utc-offset", "WIB"], "--utc-offset: 'WIB' is not an offset like +07:00"),
        (["--mapping", MAPPING, "nothing.csv"], "Error: nothing.csv: No such file"),
        (["--mapping", MAPPING, MAPPING], "Error: line 1: the column 'Kode Wilayah' is missing"),
    ],
)
def test_wrong_arguments_are_one_line_and_status_2(arguments: list[str], error: str):
    done = Siaga()("convert", "csv", *arguments)
    assert (done.status, len(done.error_lines), done.out) == (2, 1, b"")
    assert error in done.err


def test_times_without_an_offset_are_refused_without_the_option(tmp_path: Path):
    done = Siaga()("convert", "csv", "--mapping", MAPPING, str(EXCEL))
    assert (done.status, done.out, done.error_lines[-1]) == (1, b"", "3 read, 0 converted, 3 rejected")
    assert all("--utc-offset" in line or line.startswith("line 4") for line in done.error_lines[:-1])
