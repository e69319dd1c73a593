"""The publishers' examples, each run as its page says, or the reason why it cannot be run here."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from apps.embedded import fetch_jars

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "publishers"
CLIENTS = ("python", "java", "node", "kcat")
INSTALL_S = 120


class Unavailable(Exception):
    """Why an example cannot be run on this machine."""


@dataclass(frozen=True)
class Client:
    """`argv` runs the example in `directory`."""

    argv: list[str]
    directory: Path

    def publish(self, bootstrap: str, prefix: str) -> None:
        """Run the example to its end. Raises AssertionError with its words when it fails."""
        environ = os.environ | {"SIAGA_BROKER": bootstrap, "SIAGA_TOPIC_PREFIX": prefix}
        done = subprocess.run(
            self.argv, cwd=self.directory, env=environ, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, f"{self.argv[0]}: {done.stdout}{done.stderr}"


def client(name: str, scratch: Path) -> Client:
    """The example's client, installed below `scratch` if it needs to be. Raises Unavailable."""
    return {"python": _python, "java": _java, "node": _node, "kcat": _kcat}[name](scratch)


def _python(_scratch: Path) -> Client:
    return Client([sys.executable, "publish.py"], EXAMPLES / "python")


def _java(_scratch: Path) -> Client:
    if not (java := shutil.which("java")) or not _has_compiler(java):
        raise Unavailable("no JDK on the PATH (the embedded broker's Java runtime has no compiler)")
    jars = os.pathsep.join(str(jar) for jar in fetch_jars() if jar.name.startswith(("kafka-clients", "slf4j")))
    return Client([java, "-cp", jars, "Publish.java"], EXAMPLES / "java")


@cache
def _has_compiler(java: str) -> bool:
    """A JDK of 17 or later: it runs a source file, and knows text blocks."""
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, timeout=60, check=False).stdout
    found = [line.partition("@")[2] for line in modules.splitlines() if line.startswith("jdk.compiler@")]
    return bool(found) and int(found[0].split(".")[0]) >= 17


def _node(scratch: Path) -> Client:
    npm = shutil.which("npm")
    if not shutil.which("node") or not npm:
        raise Unavailable("no node and npm on the PATH")
    directory = scratch / "node"
    shutil.copytree(EXAMPLES / "node", directory, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"npm ci did not succeed: {(done.stderr.strip().splitlines() or ['no message'])[0]}")
    return Client(["node", "publish.mjs"], directory)


def _kcat(_scratch: Path) -> Client:
    if not shutil.which("kcat"):
        raise Unavailable("no kcat on the PATH (Debian: apt-get install kcat)")
    return Client(["sh", "publish.sh"], EXAMPLES / "kcat")
