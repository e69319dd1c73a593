"""The parts of `siaga up` that need no broker: days, ports, restarts, level changes in words."""

import os
import socket
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import click
import orjson
import pytest

from agents.settings import Settings
from apps.devstack.children import RESTARTS_MAX, Child, stop_all
from apps.devstack.election_days import FIRST_DAY, SimulatedDay, take_day
from apps.devstack.level_changes import TimeOrder, in_words, level_changes
from apps.devstack.ports import choose_ports
from apps.devstack.run_directory import RunDirectory, UpError
from apps.devstack.session import child_environment
from apps.embedded.ports import free_port


def test_each_day_on_the_same_data_has_a_new_date_and_seed(tmp_path: Path) -> None:
    days = [take_day(tmp_path / "days.json", staged=True) for _ in range(3)]
    assert [day.number for day in days] == [0, 1, 2]
    for flag in ("--date", "--seed"):
        assert len({argument(day.arguments(120), flag) for day in days}) == 3


def test_a_damaged_list_of_days_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "days.json").write_text("{")
    with pytest.raises(UpError, match="^[^\n]*days.json cannot be used[^\n]*--fresh[^\n]*$"):
        take_day(tmp_path / "days.json", staged=True)


@pytest.mark.parametrize(("elapsed_s", "start"), [(0, "06:30"), (30, "07:30"), (29.9, "07:29"), (10_000, "23:59")])
def test_a_resumed_day_continues_at_the_time_it_had_reached(elapsed_s: float, start: str) -> None:
    arguments = SimulatedDay(0, staged=True).arguments(120, elapsed_s)
    assert argument(arguments, "--start") == start
    assert argument(arguments, "--date") == FIRST_DAY.isoformat() == date(2024, 11, 27).isoformat()


def argument(arguments: list[str], flag: str) -> str:
    return arguments[arguments.index(flag) + 1]


def test_zero_takes_free_ports_and_no_two_are_the_same() -> None:
    ports = choose_ports(0, 0, 0, brokers=3)
    assert len({*ports.brokers, ports.board, *ports.metrics}) == 4 + len(ports.metrics)


@pytest.mark.parametrize(
    ("which", "flag"), [("broker", "--broker-port"), ("board", "--board-port"), ("metrics", "--metrics-port")]
)
def test_a_port_in_use_names_the_port_and_the_flag(which: str, flag: str) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]
        wanted = {"broker": 0, "board": 0, "metrics": 0} | {which: port}
        with pytest.raises(UpError, match=f"^port {port}, for [^\n]*, is in use[^\n]*{flag}"):
            choose_ports(**wanted)


def test_no_port_is_given_to_two_servers() -> None:
    port = free_port()
    with pytest.raises(UpError, match=f"port {port}"):
        choose_ports(port, port, 0)


class Script(Child):
    """A child that runs Python code in place of a siaga command."""

    code = ""

    @property
    def argv(self) -> list[str]:
        return [sys.executable, "-c", self.code]


def failing_child(tmp_path: Path, status: int) -> Script:
    child = Script("worker-1", [], tmp_path / "child.log", os.environ)
    child.code = f"import sys; print('Error: no such roster', file=sys.stderr); sys.exit({status})"
    return child


def started(child: Child) -> Child:
    child.start()
    assert child.process is not None
    child.process.wait(30)
    return child


def test_a_child_that_keeps_failing_is_not_restarted_for_ever(tmp_path: Path) -> None:
    child = failing_child(tmp_path, 1)
    allowed = 0
    started(child)
    while child.may_restart:
        allowed += 1
        started(child)
    assert allowed == RESTARTS_MAX
    assert child.end_in_words() == "worker-1 ended with status 1: no such roster"


def test_a_child_with_a_usage_error_is_not_restarted(tmp_path: Path) -> None:
    assert not started(failing_child(tmp_path, 2)).may_restart


def test_a_child_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    child = failing_child(tmp_path, 0)
    ready = tmp_path / "ready"
    child.code = (
        "import signal, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(600)"
    )
    child.start()
    while not ready.exists():
        assert child.status is None
        time.sleep(0.02)
    stop_all([child], grace_s=0.2)
    assert child.end_in_words() == "worker-1 was killed by SIGKILL"


def test_only_one_up_runs_on_one_directory(tmp_path: Path) -> None:
    directory, other = RunDirectory(tmp_path / "up"), RunDirectory(tmp_path / "up")
    with directory.locked(), pytest.raises(UpError, match="another `siaga up` runs"), other.locked():
        pass
    with other.locked():
        pass


def test_only_a_fresh_start_deletes_the_data(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "up")
    directory.prepare(fresh=False)
    kept, log = directory.broker / "kept", directory.logs / "old.log"
    kept.touch()
    log.touch()
    directory.prepare(fresh=False)
    assert kept.exists() and not log.exists()
    directory.prepare(fresh=True)
    assert not kept.exists() and directory.broker.is_dir()


def test_children_use_the_embedded_broker_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIAGA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("SIAGA_GROUP", "production")
    settings = Settings.load({}, broker="127.0.0.1:21999", topic_prefix="mine.")
    environment = child_environment(settings, RunDirectory(tmp_path), {"metrics_port": 22000})
    assert Settings.load(environment).broker == "127.0.0.1:21999"
    assert environment["SIAGA_METRICS_PORT"] == "22000"
    assert environment["SIAGA_TOPIC_PREFIX"] == "mine."
    assert environment["SIAGA_CLOCK"] == "event"
    assert not {"SIAGA_SECURITY_PROTOCOL", "SIAGA_GROUP"} & environment.keys()


def evidence(number: str, **fields: object) -> dict[str, object]:
    return {"origin": "polda", "incident_id": number, "sources": ["polda"], "agencies": ["polda"], **fields}


ESCALATION = {
    "schema": "siaga.escalation/2",
    "regency": "16.71",
    "name": "Kota Palembang",
    "change": "raised",
    "level": "siaga",
    "previous_level": "normal",
    "score": 62,
    "reason": "grave_incident",
    "evidence": [
        evidence("a", category="clash", severity=4, status="reported", weight=8),
        evidence("b", category="money_politics", severity=2, status="verified", weight=2),
        evidence("c", category="protest", severity=1, status="verified", weight=1),
    ],
    "routes": ["police", "kpu"],
    "unverified": True,
    "event_time": "2024-11-26T23:50:00Z",
}


def test_a_level_change_reads_as_one_line() -> None:
    assert click.unstyle(in_words(ESCALATION)) == (
        "27 Nov 06:50 SIAGA    Kota Palembang (16.71) raised from normal, score 62: grave incident;"
        " clash of severity 4, money politics of severity 2 and 1 more; unverified; for police, kpu"
    )


def test_only_level_changes_are_printed() -> None:
    changes = ("raised", "amended", "lowered", "stale", "cleared", "recovered")
    values = [None, *(orjson.dumps(ESCALATION | {"change": change}) for change in changes)]
    assert [item["change"] for item in level_changes(values)] == ["raised", "lowered", "cleared"]


def test_lines_of_several_partitions_come_in_the_order_of_simulated_time() -> None:
    now = [0.0]
    order = TimeOrder(hold_s=1.0, now=lambda: now[0])
    early, late, latest = (datetime(2024, 11, 27, hour, tzinfo=UTC) for hour in (1, 2, 3))
    order.add(late, "late")
    now[0] = 0.5
    order.add(early, "early")
    order.add(latest, "latest")
    assert list(order.ready()) == []
    now[0] = 1.0
    assert list(order.ready()) == ["early", "late"]
    now[0] = 1.5
    assert list(order.ready()) == ["latest"]
