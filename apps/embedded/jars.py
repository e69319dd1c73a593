"""The broker's jars: fetched once with jgo, checked against jars.lock, kept in the project's home.

The lock makes the broker the same for everyone and spares the resolution of some 80 project files on every new machine.
A jar is moved into place only when its SHA-256 is right, so an interrupted download never leaves half a jar behind.
"""

import fcntl
import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from apps.embedded.errors import BrokerError, disk_error
from apps.embedded.home import home

LOCK_FILE = Path(__file__).with_name("jars.lock")
_FETCHERS = 6
_TRIES = 3
_TIMEOUT_S = 30

Progress = Callable[[int, int], None]
"""Called with (bytes so far, bytes in all) while jars are fetched."""


@dataclass(frozen=True)
class Jar:
    """One line of the lock: a Maven artifact, its size and its checksum."""

    group: str
    artifact: str
    version: str
    size_bytes: int
    sha256: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


@cache
def locked_jars() -> tuple[Jar, ...]:
    """The jars of the lock file."""
    lines = LOCK_FILE.read_text(encoding="ascii").splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return tuple(Jar(group, artifact, version, int(size), sha) for group, artifact, version, size, sha in rows)


def kafka_version() -> str:
    """The version of Apache Kafka in the lock."""
    return next(jar.version for jar in locked_jars() if jar.artifact == "kafka-clients")


def fetch_jars(directory: Path | None = None, progress: Progress | None = None) -> list[Path]:
    """Paths of all jars, fetching what is missing. Safe to call from several processes. Raises BrokerError."""
    directory = directory or home() / "jars"
    paths = [directory / jar.filename for jar in locked_jars()]
    if not _missing(directory):
        return paths
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _only_one(directory), tempfile.TemporaryDirectory(dir=directory, prefix=".fetch-") as scratch:
            _fetch(_missing(directory), directory, Path(scratch), progress)
    except OSError as error:
        raise disk_error(directory, error) from None
    return paths


def _missing(directory: Path) -> list[Jar]:
    def there(path: Path, jar: Jar) -> bool:
        return path.is_file() and path.stat().st_size == jar.size_bytes

    return [jar for jar in locked_jars() if not there(directory / jar.filename, jar)]


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Two runs at once must not both fetch: the second waits and finds the jars there."""
    with (directory / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fetch(jars: list[Jar], directory: Path, scratch: Path, progress: Progress | None) -> None:
    from jgo.maven import MavenContext, PythonResolver  # here: the import costs more than a warm start should pay

    count = _Count(sum(jar.size_bytes for jar in jars), progress)
    resolver = PythonResolver(progress_callback=count.download)
    context = MavenContext(resolver=resolver, repo_cache=scratch, local_repos=[], timeout=_TIMEOUT_S)

    def fetch(jar: Jar) -> None:
        path = _download(context, jar)
        if hashlib.sha256(path.read_bytes()).hexdigest() != jar.sha256:
            raise BrokerError(f"{jar.filename} does not have the checksum that {LOCK_FILE.name} says; not using it")
        os.replace(path, directory / jar.filename)

    with ThreadPoolExecutor(_FETCHERS) as pool:
        try:
            list(pool.map(fetch, jars))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _download(context: object, jar: Jar) -> Path:
    """The jar in the scratch repository. Disk errors pass; what the network does becomes a BrokerError after some
    tries.
    """
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()  # type: ignore[attr-defined]
    for left in reversed(range(_TRIES)):
        try:
            return artifact.resolve()
        except (RequestException, HTTPError):
            artifact.cached_path.unlink(missing_ok=True)
            if not left:
                raise BrokerError(
                    f"cannot fetch {jar.filename} for the embedded Apache Kafka: no network, or no way to the Maven repository"
                ) from None
            time.sleep(0.5)
        except RuntimeError:  # jgo's word for any answer but 200
            raise BrokerError(f"the Maven repository does not serve {jar.filename}") from None
    raise AssertionError("unreachable")


class _Count:
    """Bytes fetched so far, over all threads. jgo calls `download` with (file name, size) for each file."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._done = 0
        self._progress = progress
        self._lock = threading.Lock()

    @contextmanager
    def download(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield self._add

    def _add(self, size: int) -> None:
        with self._lock:
            self._done = min(self._done + size, self._total)
            if self._progress:
                self._progress(self._done, self._total)
