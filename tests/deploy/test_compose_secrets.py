"""deploy/compose_secrets.py: random, made once, kept from other users of the host, accepted by the programs."""

import re
import stat
from pathlib import Path

import pytest

from deploy import compose_secrets
from deploy.compose_secrets import ADMIN, BROKER, GUARDED, JAAS, USERS, SecretsError, main, make

PASSWORDS = (BROKER, *USERS, *GUARDED)


def contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_every_password_is_random_and_none_is_another(tmp_path):
    assert make(tmp_path / "a") == make(tmp_path / "b") == list(PASSWORDS)
    made = [contents(tmp_path / name)[user] for name in "ab" for user in PASSWORDS]
    assert len(set(made)) == len(made) and all(re.fullmatch(r"[0-9a-f]{64}", password) for password in made)


def test_what_is_there_is_kept_and_a_deleted_one_is_renewed_wherever_it_stands(tmp_path):
    make(tmp_path)
    before = contents(tmp_path)
    assert make(tmp_path) == [] and contents(tmp_path) == before
    for name in (BROKER, "alertmanager"):
        (tmp_path / name).unlink()
    assert make(tmp_path) == [BROKER, "alertmanager"]
    changed = {name for name, text in contents(tmp_path).items() if text != before[name]}
    assert changed == {BROKER, JAAS, "alertmanager", "alertmanager-web.yml"}
    assert before[BROKER] not in contents(tmp_path)[JAAS]


def test_an_empty_password_is_none(tmp_path):
    make(tmp_path)
    (tmp_path / ADMIN).chmod(0o600)
    (tmp_path / ADMIN).write_text("\n")
    assert make(tmp_path) == [ADMIN]


def test_only_the_owner_may_enter_and_a_container_may_read_what_it_is_given(tmp_path):
    directory = tmp_path / "secrets"
    directory.mkdir(mode=0o755)
    make(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o444}


def test_the_directory_is_in_no_commit_and_in_no_image(repo):
    assert compose_secrets.DIRECTORY.relative_to(repo) == Path("secrets")
    assert "/secrets/" in (repo / ".gitignore").read_text(encoding="utf-8").splitlines()
    kept = (repo / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in kept and not [line for line in kept if line.startswith("!") and "secret" in line]


def test_prometheus_and_alertmanager_accept_their_files(tmp_path, program, run):
    make(tmp_path)
    for name in GUARDED:
        run(program("promtool"), "check", "web-config", tmp_path / f"{name}-web.yml")


@pytest.mark.parametrize("name", ["", "Kpu", "a b", "../kpu", "x" * 65, ADMIN, BROKER, "prometheus", "-x"])
def test_a_publishers_name_that_cannot_be_used_is_one_line(tmp_path, name):
    with pytest.raises(SecretsError, match=f"^--publisher: {re.escape(repr(name))}: [^\n]+$"):
        make(tmp_path, [name])
    assert list(tmp_path.iterdir()) == []


def test_the_command_names_what_it_made_and_prints_no_password(tmp_path, capsys):
    options = ["--directory", str(tmp_path), "--publisher", "kpu"]
    assert main(options) == 0
    said = capsys.readouterr()
    assert "kpu" in said.out and said.out.count("\n") == 1 and not said.err
    assert not [name for name in PASSWORDS if (tmp_path / name).read_text() in said.out]
    assert main(options) == 0 and "all were there" in capsys.readouterr().out


def test_what_cannot_be_made_is_one_line_and_status_one(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    assert main(["--directory", str(tmp_path / "file")]) == 1
    monkeypatch.setattr(compose_secrets.ctypes, "CDLL", _none)
    assert main(["--directory", str(tmp_path / "new")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.startswith("Error: ") for line in lines)
    assert "in a container: docker run" in lines[1]


def _none(name: str) -> None:
    raise OSError(f"{name}: cannot open shared object file")
