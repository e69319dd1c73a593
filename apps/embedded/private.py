"""Files and directories that only their owner may read: broker data, its settings, logs, secrets.

The mode is set here and not by the process's umask, because a library must not change that of its caller; a child
process gets `UMASK`, whatever it writes."""

import os
from pathlib import Path

#: Of every child: files 0600, directories 0700.
UMASK = 0o077
_FILE, _DIRECTORY = 0o600, 0o700


def make_directory(path: Path) -> None:
    """Create `path` (and its parents, with the usual mode) as 0700; an existing one gets that mode. Raises OSError."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(_DIRECTORY)


def write_text(path: Path, text: str) -> None:
    """Replace the file's content, UTF-8, mode 0600 from its first byte on. Raises OSError."""
    with open(path, "w", encoding="utf-8", opener=opener) as file:
        os.fchmod(file.fileno(), _FILE)  # one that was there keeps its mode otherwise
        file.write(text)


def opener(path: str, flags: int) -> int:
    """For `open`: a file that this creates has mode 0600."""
    return os.open(path, flags, _FILE)
