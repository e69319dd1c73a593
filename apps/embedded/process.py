"""Child processes that never outlive their parent.

Each gets its own session, so that Ctrl-C in the terminal reaches only the parent, which stops its children in order. On
Linux the kernel also kills a child when the parent dies in any way (prctl(2), PR_SET_PDEATHSIG)."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from apps.embedded import private

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def spawn(
    argv: list[str], log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start `argv` with both output streams appended to `log`; what it writes only this user may read (umask 077).

    Call it from a thread that lives as long as the child should: PR_SET_PDEATHSIG is about the thread that forked.
    """
    parent = os.getpid()

    def tie_to_parent() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # the parent died before the line above
                os._exit(1)

    with open(log, "ab", opener=private.opener) as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            umask=private.UMASK,
            start_new_session=True,
            preexec_fn=tie_to_parent,  # noqa: PLW1509  one system call, no Python lock is taken
        )


def send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the process group of the child."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def end(process: subprocess.Popen[bytes], grace_s: float) -> int:
    """SIGTERM, then SIGKILL after `grace_s`. Returns the exit status as in `Popen.returncode`."""
    send(process, signal.SIGTERM)
    try:
        return process.wait(grace_s)
    except subprocess.TimeoutExpired:
        send(process, signal.SIGKILL)
        return process.wait()
