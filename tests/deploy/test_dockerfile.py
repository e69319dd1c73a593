"""The Dockerfile, as far as it can be checked without a Docker engine."""

import re

import pytest


@pytest.fixture(scope="module")
def dockerfile(repo) -> str:
    return (repo / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def instructions(dockerfile) -> list[tuple[str, str]]:
    """(instruction, arguments), continuation lines joined, comments dropped."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def test_hadolint_reports_nothing(repo, program, run):
    run(program("hadolint"), "--failure-threshold", "style", "Dockerfile")


def test_the_container_is_not_root_and_starts_without_a_shell(instructions):
    final = instructions[max(i for i, (name, _) in enumerate(instructions) if name == "FROM") :]
    last = dict(final)
    uid = last["USER"].split(":")[0]
    assert uid.isdigit() and uid != "0"
    assert last["ENTRYPOINT"].startswith("[") and last["CMD"].startswith("[")
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert 'CMD ["' in last["HEALTHCHECK"]
    assert "/healthz" in last["HEALTHCHECK"], "a worker that is stuck still serves /metrics"
    assert not any(name == "RUN" for name, _ in final), "the final stage only copies"


def test_dependencies_are_installed_by_hash_and_as_wheels(dockerfile, repo):
    assert "--require-hashes --only-binary :all: -r requirements.lock" in dockerfile
    assert (repo / "requirements.lock").is_file()


def test_the_base_image_is_pinned(instructions):
    arguments = dict(text.split("=", 1) for name, text in instructions if name == "ARG")
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm(@sha256:[0-9a-f]{64})?", arguments["PYTHON_IMAGE"])
    assert {text.split()[0] for name, text in instructions if name == "FROM"} == {"${PYTHON_IMAGE}"}


def test_every_copied_path_is_allowed_by_dockerignore_and_exists(instructions, repo):
    allowed = {
        line[1:] for line in (repo / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    copied = {
        source.strip("./")
        for name, text in instructions
        if name == "COPY" and not text.startswith("--from")
        for source in text.split()[:-1]
    }
    assert copied == allowed
    assert all((repo / path).exists() for path in copied)
