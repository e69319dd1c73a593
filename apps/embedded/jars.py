"""The broker's jars: downloaded once, kept in `home()`, checked against jars.lock at every start.

The lock pins the broker and saves resolving some 80 project files on every new machine. A jar is moved into place only
after its SHA-256 was verified, so an interrupted download leaves no partial jar.
"""

import fcntl
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from apps.embedded.home import BrokerError, disk_error, home

LOCK_FILE = Path(__file__).with_name("jars.lock")

#: Called with (bytes so far, bytes in all) while jars are downloaded.
Progress = Callable[[int, int], None]


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


def fetch_jars(
    directory: Path | None = None, progress: Progress | None = None, repositories: Mapping[str, str] | None = None
) -> list[Path]:
    """Paths of all jars, each checked against the lock; downloads missing ones from Maven Central, or from
    `repositories` (URLs by name).

    Safe to call from several processes. Raises BrokerError, also for a jar that is there and is not the lock's: it is
    kept, since who put it there is worth a look."""
    directory = directory or home() / "jars"
    paths = [directory / jar.filename for jar in locked_jars()]
    try:
        if not _missing(directory):
            return paths
        directory.mkdir(parents=True, exist_ok=True)
        with _locked(directory), tempfile.TemporaryDirectory(dir=directory, prefix=".fetch-") as scratch:
            _fetch(_missing(directory), directory, Path(scratch), progress, repositories)
    except OSError as error:
        raise disk_error(directory, error) from None
    return paths


def _missing(directory: Path) -> list[Jar]:
    """The jars to download. Raises BrokerError for the first that is there with another content than the lock's."""
    missing = []
    for jar in locked_jars():
        path = directory / jar.filename
        if (found := _found(path)) is None:
            missing.append(jar)
        elif found != jar.sha256:
            raise BrokerError(
                f"{path} is not the jar of {LOCK_FILE.name}: SHA-256 {jar.sha256} expected, {found} found; delete the"
                " file, and it is downloaded again"
            )
    return missing


def _found(path: Path) -> str | None:
    """The SHA-256 of a file, None where there is none. Raises BrokerError when it cannot be read."""
    try:
        status = path.stat()
        return _sha256(path, status.st_ino, status.st_size, status.st_ctime_ns)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BrokerError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None


@cache
def _sha256(path: Path, _inode: int, _size: int, _changed_ns: int) -> str:
    """Of the file's content; a file that has not changed since is read once in a process. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One process downloads at a time; another waits and then finds the jars."""
    with (directory / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fetch(
    jars: list[Jar],
    directory: Path,
    scratch: Path,
    progress: Progress | None,
    repositories: Mapping[str, str] | None,
) -> None:
    from apps.embedded.maven import CONNECTIONS, MavenRepository  # jgo and requests are slow to import

    count = _Count(sum(jar.size_bytes for jar in jars), progress)
    repository = MavenRepository(repositories)

    def fetch(jar: Jar) -> None:
        path = scratch / jar.filename
        repository.download(jar.group, jar.artifact, jar.version, path, count.add)
        if hashlib.sha256(path.read_bytes()).hexdigest() != jar.sha256:
            raise BrokerError(f"{jar.filename} does not have the checksum of {LOCK_FILE.name}; it was discarded")
        os.replace(path, directory / jar.filename)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        try:
            list(pool.map(fetch, jars))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class _Count:
    """Bytes downloaded so far, by all threads."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._done = 0
        self._progress = progress
        self._lock = threading.Lock()

    def add(self, size: int) -> None:
        with self._lock:
            self._done = min(self._done + size, self._total)
            if self._progress:
                self._progress(self._done, self._total)
