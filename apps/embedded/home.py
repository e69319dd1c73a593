"""Where the jars and the data of the embedded broker are kept, and the errors of keeping them, each one line."""

import errno
import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "SIAGA_HOME"
_CHECKOUT = Path(__file__).resolve().parents[2]


class BrokerError(RuntimeError):
    """The embedded broker cannot be downloaded, started or stopped. One line for the person at the terminal."""


def home() -> Path:
    """SIAGA_HOME, else `.siaga` in the checkout, else (installed from a wheel) the user's cache directory."""
    if chosen := os.environ.get(HOME_VARIABLE, "").strip():
        return Path(chosen).expanduser().absolute()
    if (_CHECKOUT / "pyproject.toml").is_file():
        return _CHECKOUT / ".siaga"
    return platformdirs.user_cache_path("siaga")


def disk_error(path: object, error: OSError) -> BrokerError:
    """A read-only directory, a full disk or a missing permission, as one line naming the path."""
    if error.errno == errno.ENOSPC:
        return BrokerError(f"the disk is full: cannot write {path}")
    return BrokerError(f"cannot write {path}: {(error.strerror or str(error)).lower()}")
