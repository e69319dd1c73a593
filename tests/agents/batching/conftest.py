import pytest

from agents.batching import lane as lane_module
from tests.agents.batching.lane_scene import Scene


@pytest.fixture
async def scene(monkeypatch):
    scene = Scene()
    monkeypatch.setattr(lane_module, "Transactor", scene.producers)
    monkeypatch.setattr(lane_module, "LOOK_AGAIN_S", 0.001)
    monkeypatch.setattr("agents.batching.positions.has_records", scene.has_records)
    yield scene
    scene.producers.may_commit.set()
    scene.producers.may_start.set()
    await scene.lane.close()
