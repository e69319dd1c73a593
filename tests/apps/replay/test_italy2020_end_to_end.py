"""Italy 2020 from the Ministry's CSV to the risk table, by the commands an operator would type."""

import csv
import subprocess
import time
from pathlib import Path

from apps.embedded import EmbeddedBroker
from tests.apps.cli.siaga import Siaga

COMUNI, REGIONI = "italy_2020_referendum_affluenzaComuni.csv", "italy_2020_referendum_affluenzaRegioni.csv"


def table(siaga: Siaga) -> dict[str, tuple[int, int, int]]:
    """The latest row of each regency: registered, voted, corrected."""
    rows = siaga("tail", "risk", "--from-beginning", "--until-end").objects
    turnout = {row["regency"]: row["turnout"] for row in rows}
    return {code: (row["registered"], row["voted"], row["corrected"]) for code, row in turnout.items()}


def test_the_table_ends_with_the_ministry_s_totals_of_each_region(
    broker: EmbeddedBroker, fresh_prefix: str, shared_data: Path, tmp_path: Path
):
    roster, turnout = str(tmp_path / "roster.csv"), str(tmp_path / "turnout.jsonl")
    siaga = Siaga(
        {
            "SIAGA_BROKER": broker.bootstrap,
            "SIAGA_TOPIC_PREFIX": fresh_prefix,
            "SIAGA_CLOCK": "event",
            "SIAGA_ROSTER": roster,
            "SIAGA_METRICS_PORT": "0",
        }
    )
    convert = Siaga()("convert", "italy-2020", str(shared_data / COMUNI), "--roster", roster, "--turnout", turnout)
    assert convert.status == 0
    assert siaga("topics").status == 0
    with (shared_data / REGIONI).open(encoding="utf-8-sig", newline="") as file:
        # One count falls in the source: Lusevera's, in Friuli-Venezia Giulia.
        expected = {
            f"39.{int(row['cod']):02}": (int(row["ele_t"]), int(row["com_vot:3:vot_t"]), int(row["cod"] == "6"))
            for row in csv.DictReader(file)
        }
    with (tmp_path / "worker.log").open("wb") as log:
        worker = siaga.start("worker", stdout=log, stderr=subprocess.STDOUT)
        try:
            assert siaga("replay", "--turnout", turnout, "--speed", "max", timeout=120).status == 0
            deadline = time.monotonic() + 90
            while (now := table(siaga)) != expected:
                assert time.monotonic() < deadline and worker.poll() is None, now
            assert siaga("tail", "rejected", "--from-beginning", "--until-end").out == b""
        finally:
            worker.terminate()
            worker.wait(30)
