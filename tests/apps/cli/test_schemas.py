"""`siaga schemas`: prints, writes and checks the contracts."""

import json

from click.testing import CliRunner

from apps.cli.schemas import command
from schemas.asyncapi import documents, render
from schemas.messages_page import messages_page


def run(*arguments: str):
    return CliRunner().invoke(command, arguments)


def test_one_name_prints_that_schema_and_none_prints_all():
    assert json.loads(run("incident").output)["$id"] == "urn:siaga:incident:2"
    assert json.loads(run("asyncapi").output)["asyncapi"] == "3.0.0"
    assert json.loads(run().output) == documents()


def test_an_unknown_name_is_answered_with_the_known_ones():
    result = run("incidnet")
    assert result.exit_code == 2 and "incident, turnout" in result.output


def test_the_shipped_files_are_current():
    assert run("--check").exit_code == 0


def test_written_files_are_current_until_changed(tmp_path):
    directory = tmp_path / "new" / "json"
    assert run("--out", str(directory)).exit_code == 0
    assert {path.name: path.read_text(encoding="utf-8") for path in directory.iterdir()} == {
        file: render(document) for file, document in documents().items()
    }
    assert run("--check", "--out", str(directory)).exit_code == 0
    (directory / "turnout.json").write_text("{}")
    (directory / "incident.json").unlink()
    result = run("--check", "--out", str(directory))
    assert result.exit_code == 1 and "incident.json, turnout.json" in result.output


def test_an_unwritable_directory_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("--out", str(tmp_path / "file" / "json"))
    assert result.exit_code == 1 and result.output.startswith("Error: cannot write")


def test_messages_is_the_page_for_people():
    assert run("messages").output == messages_page()
    assert run("messages", "--check").exit_code == 2


def test_a_name_excludes_out_and_check():
    assert run("incident", "--check").exit_code == 2
