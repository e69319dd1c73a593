"""The parts of `siaga up` that need no broker: days, ports, restarts, words."""

import os
import socket
import sys
import time
from datetime import date
from pathlib import Path

import click
import orjson
import pytest

from agents.settings import Settings
from apps.devstack.children import RESTARTS_MAX, Child, stop_all
from apps.devstack.days import FIRST_DAY, SimulatedDay, take_day
from apps.devstack.errors import UpError
from apps.devstack.news import in_words, level_changes
from apps.devstack.places import Places
from apps.devstack.ports import choose_ports
from apps.devstack.session import child_environment
from apps.embedded.ports import free_port


def test_no_day_is_played_twice_on_the_same_data(tmp_path: Path) -> None:
    days = [take_day(tmp_path / "days.json", staged=True) for _ in range(3)]
    assert [day.number for day in days] == [0, 1, 2]
    assert len({day.date for day in days}) == 3
    assert len({day.arguments(120)[day.arguments(120).index("--seed") + 1] for day in days}) == 3


def test_a_damaged_list_of_days_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "days.json").write_text("{")
    with pytest.raises(UpError, match="^[^\n]*days.json cannot be used[^\n]*--fresh[^\n]*$"):
        take_day(tmp_path / "days.json", staged=True)


@pytest.mark.parametrize(("elapsed_s", "start"), [(0, "06:30"), (30, "07:30"), (29.9, "07:29"), (10_000, "23:59")])
def test_a_resumed_day_goes_on_at_the_hour_it_had_reached(elapsed_s: float, start: str) -> None:
    arguments = SimulatedDay(0, staged=True).arguments(120, elapsed_s)
    assert arguments[arguments.index("--start") + 1] == start
    assert arguments[arguments.index("--date") + 1] == FIRST_DAY.isoformat() == date(2024, 11, 27).isoformat()


def test_zero_takes_free_ports_and_no_two_are_the_same() -> None:
    ports = choose_ports(0, 0, 0)
    assert len({ports.broker, ports.board, *ports.metrics}) == 2 + len(ports.metrics)


@pytest.mark.parametrize(
    ("which", "flag"), [("broker", "--broker-port"), ("board", "--board-port"), ("metrics", "--metrics-port")]
)
def test_a_port_in_use_names_the_port_and_the_flag(which: str, flag: str) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]
        wanted = {"broker": 0, "board": 0, "metrics": 0} | {which: port}
        with pytest.raises(UpError, match=f"^port {port}, for [^\n]*, is in use[^\n]*{flag}"):
            choose_ports(**wanted)


def test_two_servers_cannot_be_given_one_port() -> None:
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


def test_a_child_that_keeps_ending_is_not_started_for_ever(tmp_path: Path) -> None:
    child = failing_child(tmp_path, 1)
    allowed = 0
    started(child)
    while child.may_start_again:
        allowed += 1
        started(child)
    assert allowed == RESTARTS_MAX
    assert child.end_in_words() == "worker-1 ended with status 1: no such roster"


def test_a_child_that_was_asked_wrongly_is_not_started_again(tmp_path: Path) -> None:
    assert not started(failing_child(tmp_path, 2)).may_start_again


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
    places = Places(tmp_path / "up")
    with places.alone(), pytest.raises(UpError, match="another `siaga up` runs"), Places(tmp_path / "up").alone():
        pass
    with places.alone():
        pass


def test_fresh_forgets_the_data_and_a_plain_start_keeps_it(tmp_path: Path) -> None:
    places = Places(tmp_path / "up")
    places.prepare(fresh=False)
    kept, log = places.broker / "kept", places.logs / "old.log"
    kept.touch()
    log.touch()
    places.prepare(fresh=False)
    assert kept.exists() and not log.exists()
    places.prepare(fresh=True)
    assert not kept.exists() and places.broker.is_dir()


def test_children_are_told_of_our_broker_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIAGA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("SIAGA_GROUP", "production")
    settings = Settings.load({}, broker="127.0.0.1:21999", topic_prefix="mine.")
    environment = child_environment(settings, Places(tmp_path), {"metrics_port": 22000})
    assert Settings.load(environment).broker == "127.0.0.1:21999"
    assert environment["SIAGA_METRICS_PORT"] == "22000"
    assert environment["SIAGA_TOPIC_PREFIX"] == "mine."
    assert environment["SIAGA_CLOCK"] == "event"
    assert not {"SIAGA_SECURITY_PROTOCOL", "SIAGA_GROUP"} & environment.keys()


ESCALATION = {
    "schema": "siaga.escalation/1",
    "regency": "16.71",
    "name": "Kota Palembang",
    "change": "raised",
    "level": "siaga",
    "previous_level": "normal",
    "score": 62,
    "reason": "grave_incident",
    "evidence": [
        {"incident_id": "a", "category": "clash", "severity": 4, "status": "reported", "weight": 8},
        {"incident_id": "b", "category": "money_politics", "severity": 2, "status": "verified", "weight": 2},
        {"incident_id": "c", "category": "protest", "severity": 1, "status": "verified", "weight": 1},
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


def test_only_level_changes_are_told() -> None:
    changes = ("raised", "amended", "lowered", "stale", "cleared", "recovered")
    values = [None, *(orjson.dumps(ESCALATION | {"change": change}) for change in changes)]
    assert [item["change"] for item in level_changes(values)] == ["raised", "lowered", "cleared"]
