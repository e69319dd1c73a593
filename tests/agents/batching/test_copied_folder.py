"""The folder can be lifted: a copy under another name, beside nothing else of Siaga, runs the example."""

import shutil
from pathlib import Path

from tests.agents.batching.kafka_scene import APP, ROOT, Scene, until


def lift(to: Path) -> Path:
    """Copy the folder and the example; return the example. Nothing in `to` may import the original."""
    shutil.copytree(ROOT / "agents" / "batching", to / "lifted", ignore=shutil.ignore_patterns("__pycache__"))
    example = to / "example.py"
    example.write_text(APP.read_text(encoding="utf-8").replace("agents.batching", "lifted"), encoding="utf-8")
    (to / "agents.py").write_text('raise ImportError("the copy reaches for the original")\n', encoding="utf-8")
    return example


async def test_a_copy_under_another_name_commits_exactly_once(broker, fresh_prefix, tmp_path):
    example = lift(tmp_path)
    async with Scene(broker.bootstrap, fresh_prefix, tmp_path, example, tmp_path) as scene:
        scene.start("a")
        load = scene.load(500)
        await until(lambda: scene.read > 200, 60, "first outputs")
        scene.kill("a")
        scene.start("a")
        load.cancel()
        await scene.settle()
