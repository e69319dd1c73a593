"""A recording is read by time, completely, each regency in order, from any start and from any file."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.publishing.lines import InputError
from apps.publishing.messages import Kind, checked
from apps.replay.recording import Recording
from tests.apps.cli.siaga import incident, json_lines, turnout

MIDNIGHT_MS = 1_732_640_400_000  # 2024-11-27T00:00+07:00
minutes = st.lists(st.integers(0, 30), max_size=20)


def at(minute: int) -> str:
    return f"2024-11-27T00:{minute:02}:00+07:00"


def refuse(*_: object) -> None:
    raise AssertionError("nothing here is invalid")


def incidents_at(times: list[int]) -> list[dict]:
    return [incident(n, regency="16.01", occurred_at=at(t), reported_at=at(t)) for n, t in enumerate(times)]


def turnout_at(times: list[int]) -> list[dict]:
    return [turnout(n, regency="16.01", as_of=at(t)) for n, t in enumerate(times)]


def record(directory: Path, incidents: list[dict], turnouts: list[dict]) -> Recording:
    recording = Recording()
    for kind, messages in ((Kind.INCIDENTS, incidents), (Kind.TURNOUT, turnouts)):
        path = directory / kind
        path.write_bytes(json_lines(messages))
        recording.add(kind, path, checked(kind), refuse)
    return recording


@given(minutes, minutes)
def test_both_files_are_read_by_time_and_equal_times_in_file_order(
    tmp_path_factory: pytest.TempPathFactory, incident_times: list[int], turnout_times: list[int]
):
    incidents, turnouts = incidents_at(incident_times), turnout_at(turnout_times)
    expected = sorted(
        [*zip(incident_times, incidents, strict=True), *zip(turnout_times, turnouts, strict=True)], key=lambda p: p[0]
    )
    with record(tmp_path_factory.mktemp("recording"), incidents, turnouts) as recording:
        played = list(recording.messages())
    assert [json.loads(message.value) for message in played] == [message for _, message in expected]
    assert [message.at_ms for message in played] == [MIDNIGHT_MS + t * 60_000 for t, _ in expected]


@given(minutes, st.integers(0, 31))
def test_reading_from_a_time_leaves_out_exactly_what_is_before(
    tmp_path_factory: pytest.TempPathFactory, times: list[int], start: int
):
    with record(tmp_path_factory.mktemp("recording"), incidents_at(times), []) as recording:
        whole, rest = list(recording.messages()), list(recording.messages(MIDNIGHT_MS + start * 60_000))
    assert rest == [message for message in whole if message.at_ms >= MIDNIGHT_MS + start * 60_000]


def test_gzip_is_read_like_plain_text(tmp_path: Path):
    messages = incidents_at([5, 1, 3])
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(json_lines(messages)))
    with record(tmp_path, messages, []) as plain, Recording() as other:
        other.add(Kind.INCIDENTS, packed, checked(Kind.INCIDENTS), refuse)
        assert list(other.messages()) == list(plain.messages())


def test_an_invalid_line_is_reported_and_left_out(tmp_path: Path):
    path = tmp_path / "incidents"
    path.write_bytes(b"{}\r\n\r\n" + json_lines([incident(1)]) + b"x")
    rejected = []
    with Recording() as recording:
        recording.add(
            Kind.INCIDENTS, path, checked(Kind.INCIDENTS), lambda kind, line, why: rejected.append(line.number)
        )
        assert (len(recording), recording.rejected, rejected) == (1, 2, [1, 4])
        assert len(list(recording.messages())) == 1


def test_a_file_that_changes_during_the_replay_is_an_error(tmp_path: Path):
    with record(tmp_path, incidents_at([2, 1]), []) as recording:
        (tmp_path / Kind.INCIDENTS).write_bytes(json_lines(incidents_at([7, 8])))
        with pytest.raises(InputError, match="has changed"):
            list(recording.messages())
