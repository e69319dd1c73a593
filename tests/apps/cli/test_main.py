"""The root command: fast, independent of broken commands, and one line for an error."""

import os
import signal
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from apps.cli import main
from apps.cli.main import COMMANDS
from tests.apps.cli.siaga import ROOT, Siaga

bare = Siaga()


def test_help_lists_each_command_that_exists_with_its_line():
    done = bare("--help")
    assert done.status == 0
    for name in ("topics", "publish", "tail", "replay", "convert"):
        assert COMMANDS[name][:30] in done.out.decode()


def test_help_imports_no_kafka_faust_or_aiohttp():
    script = (
        "import sys\n"
        "from apps.cli.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(sorted({'kafka', 'aiokafka', 'faust', 'aiohttp'} & sys.modules.keys()), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=ROOT, timeout=30, check=True)
    assert done.stderr.decode().strip() == "[]"


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """The help of every command, all from one process."""
    names = main.main.list_commands(click.Context(main.main))
    script = (
        "import sys\n"
        "from apps.cli.main import main\n"
        "for name in sys.argv[1:]:\n"
        "    main([name, '--help'], prog_name='siaga', standalone_mode=False)\n"
    )
    command = [sys.executable, "-c", script, *names]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    texts = done.stdout.split("Usage: siaga ")[1:]
    return dict(zip(names, texts, strict=True))


def test_every_command_has_help(helps: dict[str, str]):
    for name, text in helps.items():
        assert text.split()[0] == name and "--help" in text, name


def test_a_missing_command_is_not_listed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(COMMANDS, "divine", "Read the entrails.")
    result = CliRunner().invoke(main.main, ["--help"])
    assert result.exit_code == 0 and "divine" not in result.output
    assert CliRunner().invoke(main.main, ["divine"]).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["topics"],
        ["publish", "incidents"],
        ["tail", "risk"],
        ["replay", "--turnout", "nothing.jsonl"],
    ],
)
def test_a_bad_setting_is_one_line_and_status_2(arguments: list[str]):
    done = bare(*arguments, SIAGA_BROKER="nowhere")
    assert (done.status, done.out) == (2, b"")
    assert done.error_lines == [
        "Error: SIAGA_BROKER: nowhere: 'nowhere' is not host:port (an IPv6 host goes in brackets: [::1]:9092)"
    ]


def test_a_bad_flag_is_one_line_and_status_2():
    done = bare("topics", "--partitions", "many")
    assert done.status == 2
    assert len(done.error_lines) == 1 and done.error_lines[0].startswith("Error: --partitions: many: ")


def test_a_file_that_is_no_certificate_is_one_line_and_status_2(tmp_path):
    pem = tmp_path / "ca.pem"
    pem.write_text("not a certificate")
    done = bare("topics", SIAGA_SECURITY_PROTOCOL="SSL", SIAGA_TLS_CA=str(pem))
    assert done.status == 2
    assert len(done.error_lines) == 1 and "SIAGA_TLS_CA" in done.err


def test_a_misspelt_variable_gives_a_warning_and_changes_nothing():
    done = bare("topics", "--partitions", "0", SIAGA_PARTITONS="3")
    warning = "SIAGA_PARTITONS is not a setting of Siaga and is ignored; did you mean SIAGA_PARTITIONS?"
    assert done.error_lines[0] == warning


def test_sigterm_ends_the_first_process_of_a_container(monkeypatch: pytest.MonkeyPatch):
    """Real: deploy/check/image. The kernel withholds from process 1 the signals that it does not handle."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    try:
        assert CliRunner().invoke(main.main, ["schemas", "incident"]).exit_code == 0
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 128 + signal.SIGTERM


def test_no_flag_takes_a_password(helps: dict[str, str]):
    for name, text in helps.items():
        assert "--sasl-password " not in text, name


def test_an_unreachable_broker_is_one_line_and_status_1(free_port: int):
    away = Siaga({"SIAGA_BROKER": f"127.0.0.1:{free_port}"})
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    commands = [away.start(*words, **pipes) for words in (["topics"], ["publish", "incidents"], ["tail", "risk"])]
    for command in commands:
        out, err = command.communicate(timeout=60)
        assert (command.returncode, out) == (1, b"")
        assert len(err.splitlines()) == 1
        assert err.decode().startswith(f"Error: broker 127.0.0.1:{free_port} cannot be reached: ")
