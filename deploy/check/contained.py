"""Runs an image that deploy/check/image built, by runc, as docker-compose.yml and Kubernetes run it: user 10001, a
read-only root, a tmpfs at /tmp, no capabilities, no new privileges. Prints a line for each check; exit status 1 where
one failed.

    python deploy/check/contained.py BUNDLE    BUNDLE/root: the image's root; BUNDLE/image.json: what buildah says of it
"""

import json
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("agents", "apps", "schemas", "streams")
READ_ONLY = ("/", "/opt/siaga", "/usr/bin", "/etc", "/data", "/var/tmp", "/home")
#: A start with every import, on a busy machine.
ANSWERS_WITHIN_S = 120
#: A command waits a minute for its broker.
ENDS_WITHIN_S = 180
#: stop_grace_period of the workers in docker-compose.yml.
STOPS_WITHIN_S = 30
WHO = "print(*(line for line in open('/proc/self/status') if line.startswith(('Uid', 'Gid', 'Cap', 'NoNew'))), sep='')"
TRY = """
import sys, tempfile
for folder in sys.argv[1:]:
    try:
        tempfile.TemporaryFile(dir=folder)
        print(folder, "written")
    except OSError as error:
        print(folder, error.strerror)
"""


class Bundle:
    """An image's root with the configuration that a container engine would give it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        document = json.loads((directory / "image.json").read_text(encoding="utf-8"))
        self.image: dict[str, Any] = document["Docker"]["config"]
        self._runc = ["runc", "--root", str(directory / "runc")]

    def _configure(self, arguments: list[str], environment: dict[str, str]) -> None:
        def mount(kind: str, at: str, *options: str) -> dict[str, Any]:
            return {"type": kind, "source": kind, "destination": at, "options": list(options)}

        uid, gid = (int(part) for part in self.image["User"].split(":"))
        tmpfs = ("size=64m", "mode=1777", "noexec", "nosuid", "nodev")
        configuration = {
            "ociVersion": "1.0.2",
            "root": {"path": "root", "readonly": True},
            "process": {
                "args": arguments,
                "cwd": self.image["WorkingDir"],
                "env": self.image["Env"] + [f"{name}={value}" for name, value in environment.items()],
                "user": {"uid": uid, "gid": gid},
                "capabilities": {name: [] for name in ("bounding", "effective", "permitted", "ambient")},
                "noNewPrivileges": True,
            },
            "mounts": [
                mount("proc", "/proc"),
                mount("tmpfs", "/dev", "nosuid", "mode=755", "size=64k"),
                mount("tmpfs", "/tmp", *tmpfs),
            ],
            # The network is that of the check: loopback and nothing else.
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]},
        }
        (self.directory / "config.json").write_text(json.dumps(configuration), encoding="utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command in a container of its own, to its end."""
        self._configure(list(arguments), {})
        return subprocess.run(
            [*self._runc, "run", "--bundle", str(self.directory), "check"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ANSWERS_WITHIN_S, check=False,
        )  # fmt: skip

    @contextmanager
    def started(self, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        """The image's own command, for the block. What it prints is in BUNDLE/log."""
        self._configure(self.image["Entrypoint"] + self.image["Cmd"], environment)
        with (self.directory / "log").open("wb") as log:
            container = subprocess.Popen(
                [*self._runc, "run", "--bundle", str(self.directory), "started"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            yield container
        finally:
            if container.poll() is None:
                self.kill("KILL")
                container.wait(STOPS_WITHIN_S)

    def log(self) -> str:
        """What the container that is started has printed."""
        return (self.directory / "log").read_text(encoding="utf-8")

    def wait_for_log(self, words: str) -> None:
        """Until the container that is started has printed them."""
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while words not in self.log():
            assert time.monotonic() < deadline, f"{words!r} is not in its log: {self.log()}"
            time.sleep(0.2)

    def kill(self, signal: str) -> None:
        """Send it to the container that is started."""
        subprocess.run([*self._runc, "kill", "started", signal], check=False)

    def inside(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command in the container that is started, as an engine runs a health check."""
        return subprocess.run(
            [*self._runc, "exec", "started", *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ANSWERS_WITHIN_S, check=False,
        )  # fmt: skip


def configuration(bundle: Bundle) -> str:
    """What an engine reads from the image."""
    image = bundle.image
    assert image["User"] == "10001:10001", image["User"]
    assert (image["Entrypoint"], image["Cmd"]) == (["siaga"], ["worker"]), image
    assert set(image["ExposedPorts"]) == {"9464/tcp", "8080/tcp"}, image["ExposedPorts"]
    assert image["Healthcheck"]["Test"][0] == "CMD", image["Healthcheck"]
    return f"user {image['User']}, {image['Entrypoint'][0]} {image['Cmd'][0]}, health check of its own"


def rights(bundle: Bundle) -> str:
    """Who the process is and what it may do."""
    lines = dict(line.split(":\t") for line in bundle.run("python", "-c", WHO).stdout.splitlines() if line)
    assert set(lines["Uid"].split()) == set(lines["Gid"].split()) == {"10001"}, lines
    assert all(int(lines[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")), lines
    assert lines["NoNewPrivs"] == "1", lines
    return "uid and gid 10001, all five capability sets empty, no new privileges"


def read_only(bundle: Bundle) -> str:
    """Only /tmp can be written."""
    answers = dict(
        line.split(" ", 1) for line in bundle.run("python", "-c", TRY, *READ_ONLY, "/tmp").stdout.splitlines()
    )
    assert answers.pop("/tmp") == "written", answers
    assert set(answers) == set(READ_ONLY) and "written" not in answers.values(), answers
    return f"/tmp is written, {', '.join(READ_ONLY)} are not"


def owner_of_data(bundle: Bundle) -> str:
    """A volume that is mounted at /data takes its owner."""
    found = (bundle.directory / "root" / "data").stat()
    assert (found.st_uid, found.st_gid) == (10001, 10001), found
    return "/data is 10001's"


def files(bundle: Bundle) -> str:
    """What is committed in the four packages is installed, byte for byte, and no test."""
    (site,) = (bundle.directory / "root").glob("opt/siaga/lib/python3.*/site-packages")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    patterns = ["*.py", *project["package-data"]["*"]]
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    listed = [name for name in listed if any(Path(name).match(pattern) for pattern in patterns)]
    missing = [name for name in listed if not (site / name).is_file()]
    other = [
        name for name in listed if name not in missing and (site / name).read_bytes() != (ROOT / name).read_bytes()
    ]
    assert not missing and not other, f"missing {missing}, other {other}"
    assert not (site / "tests").exists() and not list(site.glob("pip-*")), "tests or pip are installed"
    return f"{len(listed)} files of the four packages, none missing, none other; no tests, no pip"


def commands(bundle: Bundle) -> str:
    """Each command's help: every command can be loaded."""
    listing = bundle.run("siaga", "--help").stdout
    names = re.findall(r"^  ([a-z]+) {2,}\S", listing.split("Commands:")[1], re.MULTILINE)
    failed = {name: found.stderr for name in names if (found := bundle.run("siaga", name, "--help")).returncode != 0}
    assert "worker" in names and not failed, failed
    schemas = bundle.run("siaga", "schemas")
    assert schemas.returncode == 0, schemas.stderr
    return f"{len(names)} commands answer --help; `siaga schemas` prints {len(json.loads(schemas.stdout))} files"


def no_broker(bundle: Bundle) -> str:
    """A worker whose broker is not there is not healthy by the image's own check, and ends with one line."""
    check = bundle.image["Healthcheck"]["Test"][1:]
    with bundle.started({"SIAGA_BROKER": "127.0.0.1:9", "SIAGA_INSTANCE": "check"}) as container:
        bundle.wait_for_log("no Kafka")
        assert bundle.inside(*check).returncode != 0, "healthy without a broker"
        status = container.wait(ENDS_WITHIN_S)
    last = bundle.log().splitlines()[-1]
    assert status == 1 and last.startswith("Error: no Kafka at 127.0.0.1:9"), (status, last)
    return f"not healthy meanwhile; status {status} with {last!r}"


def stops(bundle: Bundle) -> str:
    """SIGTERM, the image's stop signal, ends a worker that waits for its broker."""
    with bundle.started({"SIAGA_BROKER": "127.0.0.1:9", "SIAGA_INSTANCE": "check"}) as container:
        bundle.wait_for_log("no Kafka")
        began = time.monotonic()
        bundle.kill(bundle.image["StopSignal"])
        status = container.wait(STOPS_WITHIN_S)
    return f"after {time.monotonic() - began:.1f} s, status {status}"


CHECKS = (configuration, rights, read_only, owner_of_data, files, commands, no_broker, stops)


def main() -> int:
    """Run all checks; 1 where one failed."""
    bundle, failed = Bundle(Path(sys.argv[1])), 0
    for check in CHECKS:
        try:
            print(f"ok      {check.__name__}: {check(bundle)}", flush=True)
        except (AssertionError, subprocess.SubprocessError, OSError, LookupError, ValueError) as error:
            failed += 1
            print(f"FAILED  {check.__name__}: {error!r}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
