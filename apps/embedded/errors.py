"""What can go wrong around the embedded broker, each said in one line."""

import errno


class BrokerError(RuntimeError):
    """The embedded broker cannot be had. The text is one line for the person at the terminal."""


def disk_error(path: object, error: OSError) -> BrokerError:
    """A read-only directory, a full disk or a missing right, as one line naming the path."""
    if error.errno == errno.ENOSPC:
        return BrokerError(f"the disk is full: cannot write {path}")
    return BrokerError(f"cannot write {path}: {(error.strerror or str(error)).lower()}")
