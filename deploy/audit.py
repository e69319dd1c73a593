"""Hold what Siaga runs against the known vulnerabilities (pip-audit), and say plainly how much of it could be looked
up.

    python deploy/audit.py            # status 1 when something known is in requirements-local.lock

Needs the package index's advisories. Where they cannot be reached nothing is audited: then it says so, and the status
is 0, as the answer depends on the network and not on the commit."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 180


def verdict(report: dict) -> tuple[str, int]:
    """What to say of pip-audit's JSON report, and the exit status."""
    packages = report["dependencies"]
    audited = [package for package in packages if "skip_reason" not in package]
    found = [
        f"{package['name']} {package['version']}: {known['id']}, mended in {', '.join(known['fix_versions']) or 'no release'}"
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
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        said, status = verdict(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        said, status = f"audit: NOT DONE, no answer within {PATIENCE_S} s", 0
    except json.JSONDecodeError:
        said, status = f"audit: NOT DONE, {(done.stderr.strip() or 'no report').splitlines()[-1]}", 0
    print(said, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
