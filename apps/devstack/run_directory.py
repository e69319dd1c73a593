"""The directory of `siaga up`: broker data, logs, worker data; one run at a time."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from apps.embedded import private
from apps.embedded.home import disk_error


class UpError(RuntimeError):
    """`siaga up` cannot start or continue. One line."""


@dataclass(frozen=True)
class RunDirectory:
    """Directories and files under one root; `prepare(fresh=True)` removes an earlier run's."""

    root: Path

    @property
    def broker(self) -> Path:
        return self.root / "broker"

    def cluster(self, brokers: int) -> Path:
        """Of so many brokers: each number has data of its own."""
        return self.root / f"brokers-{brokers}"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def worker_data(self) -> Path:
        return self.root / "workers"

    @property
    def days(self) -> Path:
        return self.root / "days.json"

    def prepare(self, fresh: bool) -> None:
        """Create the directories, 0700; remove an earlier run's logs, with `fresh` its data too. Raises BrokerError."""
        try:
            if fresh and self.root.exists():
                shutil.rmtree(self.root)
            for path in (self.root, self.broker, self.logs, self.worker_data):
                private.make_directory(path)
            for log in self.logs.glob("*.log"):
                log.unlink()
        except OSError as error:
            raise disk_error(error.filename or self.root, error) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the root for this run. Raises UpError when another run holds the lock."""
        lock = self.root.with_name(self.root.name + ".lock")
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            handle = open(lock, "a", opener=private.opener)  # noqa: SIM115  closed by the block below
        except OSError as error:
            raise disk_error(lock, error) from None
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UpError(
                    f"another `siaga up` runs on {self.root}; stop it, or set SIAGA_HOME to another directory"
                ) from None
            yield
