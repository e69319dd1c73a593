"""The cache with which the JVM starts faster: used where it is, left aside where it is no use."""

import pytest

from apps.embedded import java
from apps.embedded.java import java_command, run_tool


@pytest.fixture
def cache(monkeypatch, tmp_path):
    path = tmp_path / "kafka.aot"
    monkeypatch.setattr(java, "start_cache", lambda: path)
    return path


def test_it_is_used_where_it_is(cache):
    assert not any("AOT" in word for word in java_command("kafka.Kafka", [], []))
    cache.write_bytes(b"")
    assert f"-XX:AOTCache={cache}" in java_command("kafka.Kafka", [], [])


def test_one_that_the_jvm_did_not_write_is_left_aside(cache):
    cache.write_bytes(b"not a cache" * 1000)
    assert len(run_tool("kafka.tools.StorageTool", "random-uuid").split()) == 1
