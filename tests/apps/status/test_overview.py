"""What `siaga status` calls a problem, and what to do about each."""

from dataclasses import replace

import pytest

from apps.status.overview import Lag, Overview, lines, problems
from schemas.status import GONE_AFTER_S, ProcessStatus, StuckPart

NOW_MS = 1_700_000_000_000
A = ProcessStatus("a", "worker", "host-1", "0.10.0", NOW_MS - 1000, {"intake": 3, "risk": 3})
B = replace(A, name="b", partitions={"intake": 0, "risk": 0})
WELL = Overview("siaga.", "siaga", "Stable", 2, 0, (A, B), (Lag("siaga.incidents", 0, 0.0),), NOW_MS)


def test_a_deployment_that_works_has_no_problem_and_says_so():
    assert problems(WELL) == []
    assert list(lines(WELL))[-1] == "everything works"


def test_it_is_said_who_works_and_who_stands_by():
    text = "\n".join(lines(WELL))
    assert "3 of intake, 3 of risk" in text and "stands by" in text


def test_a_part_that_is_stuck_is_named_with_reason_and_advice():
    stuck = StuckPart("risk siaga.ledger/3", 17.2, "KeyError: 'segments'", "read the log")
    (line,) = problems(replace(WELL, processes=(replace(A, stuck=(stuck,)), B)))
    assert line == "worker a: risk siaga.ledger/3 has made no progress for 17 s: KeyError: 'segments'; read the log"


def test_what_a_sender_cannot_deliver_is_named_with_reason_and_advice():
    waits = StuckPart("receiver, partition 1", 75.0, "16.71: answered 404", "repair the receiver")
    sender = ProcessStatus("s", "webhook", "host-2", "0.10.0", NOW_MS, waiting=(waits,))
    (line,) = problems(replace(WELL, processes=(A, B, sender)))
    what = "receiver, partition 1 has taken nothing for 75 s: 16.71: answered 404"
    assert line == f"webhook s: {what}; repair the receiver"


def test_records_that_are_no_status_are_a_problem_and_hide_nothing():
    (line,) = problems(replace(WELL, unreadable=2))
    assert line.startswith("2 records of the topic status cannot be read")


def test_what_another_writer_put_into_a_status_moves_no_terminal():
    text = list(lines(replace(WELL, processes=(replace(A, name="a\x1b[2J\nall well"), B))))
    assert all(line.isprintable() for line in text) and any("a?[2J?all well" in line for line in text)


def test_a_process_without_status_for_long_was_killed_or_is_cut_off():
    gone = replace(A, at_ms=NOW_MS - int(1000 * GONE_AFTER_S) - 1)
    (line,) = problems(replace(WELL, members=1, processes=(gone, B)))
    assert line == "worker a on host-1: no status for 20 s, it was killed or is cut off"


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"members": 0, "group_state": "Empty"}, "no worker is in the group: start one"),
        ({"members": 3}, "1 of 3 workers have written no status"),
        ({"foreign": 1}, "1 members of group siaga read other topics"),
        ({"group_state": "PreparingRebalance"}, "the group is PreparingRebalance"),
        ({"lags": (Lag("siaga.incidents", 900, 31.0),)}, "siaga.incidents is 31 s behind (900 records): add a worker"),
    ],
)
def test_what_is_wrong_with_group_and_lag_is_a_line_with_what_to_do(changes, start):
    (line,) = problems(replace(WELL, **changes))
    assert line.startswith(start)


def test_a_lag_of_seconds_is_no_problem():
    assert problems(replace(WELL, lags=(Lag("siaga.incidents", 5000, 3.0),))) == []


def test_a_status_is_read_as_it_was_written_also_from_a_newer_release():
    part = StuckPart("group", 11.0, "no broker", "start it")
    status = replace(A, stuck=(part,), waiting=(part,))
    assert ProcessStatus.read(status.record()) == status
    newer = status.record().replace(b'{"format":1', b'{"format":2,"more":true')
    assert ProcessStatus.read(newer) == status


def test_a_status_of_before_senders_wrote_what_waits_is_read():
    assert ProcessStatus.read(A.record().replace(b',"waiting":[]', b"")) == A


@pytest.mark.parametrize("value", [b"{", b"[]", b"{}", b'{"stuck": 1}'])
def test_what_is_no_status_is_a_value_error(value):
    with pytest.raises(ValueError):
        ProcessStatus.read(value)
