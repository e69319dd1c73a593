"""Check the packages that Siaga runs against the known vulnerabilities (pip-audit), and print how many of them could be
looked up.

    python deploy/audit.py            # status 1 when requirements-local.lock holds a known vulnerability

Needs the package index's advisories. Where they cannot be reached it says so and exits with status 0, because the
result then depends on the network and not on the commit."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 180


def verdict(report: dict[str, list[dict[str, Any]]]) -> tuple[str, int]:
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
        return f"audit: NOT DONE, none of {len(packages)} packages could be looked up from here", 0
    counted = f"audit: {len(audited)} of {len(packages)} packages looked up, {len(found)} known vulnerabilities"
    return "\n".join([counted, *found]), int(bool(found))


def main() -> int:
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(ROOT / "requirements-local.lock"), "--require-hashes",
        "--disable-pip", "--progress-spinner", "off", "--format", "json",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        text, status = verdict(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        text, status = f"audit: NOT DONE, no answer within {TIMEOUT_S} s", 0
    except json.JSONDecodeError:
        text, status = f"audit: NOT DONE, {(done.stderr.strip() or 'no report').splitlines()[-1]}", 0
    print(text, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
