"""Check the packages that Siaga runs against the known vulnerabilities (pip-audit), and print how many of them could be
looked up.

    python deploy/audit.py

| exit status | |
|---|---|
| 0 | at least one package was looked up, and none has a known vulnerability |
| 1 | requirements-local.lock holds a known vulnerability |
| 3 | not done: no package could be looked up; the line says why, mostly that no advisories can be reached from here |

Status 3 says nothing about the packages: it depends on the network and not on the commit."""

import json
import subprocess
import sys
from enum import IntEnum
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 180


class Status(IntEnum):
    """Exit statuses."""

    CLEAN = 0
    VULNERABLE = 1
    NOT_DONE = 3


def verdict(report: dict[str, list[dict[str, Any]]]) -> tuple[str, Status]:
    """The text for pip-audit's JSON report, and the exit status."""
    packages = report["dependencies"]
    audited = [package for package in packages if "skip_reason" not in package]
    found = [
        f"{package['name']} {package['version']}: {known['id']}, "
        f"fixed in {', '.join(known['fix_versions']) or 'no release'}"
        for package in audited
        for known in package["vulns"]
    ]
    if not audited:
        return f"audit: NOT DONE, none of {len(packages)} packages could be looked up from here", Status.NOT_DONE
    counted = f"audit: {len(audited)} of {len(packages)} packages looked up, {len(found)} known vulnerabilities"
    return "\n".join([counted, *found]), Status.VULNERABLE if found else Status.CLEAN


def main() -> Status:
    """Runs pip-audit, prints the text and returns the exit status."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(ROOT / "requirements-local.lock"), "--require-hashes",
        "--disable-pip", "--progress-spinner", "off", "--format", "json",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        text, status = verdict(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        text, status = f"audit: NOT DONE, no answer within {TIMEOUT_S} s", Status.NOT_DONE
    except json.JSONDecodeError:
        text, status = f"audit: NOT DONE, {(done.stderr.strip() or 'no report').splitlines()[-1]}", Status.NOT_DONE
    print(text, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
