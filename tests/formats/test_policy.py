"""A worker with another roster, ruleset or partition count than its state was made with says so, or ends."""

from dataclasses import replace
from types import SimpleNamespace

import orjson
import pytest
from aiokafka import TopicPartition

from agents.batching import Batch, Fatal, Unreadable
from agents.risk import RiskFold
from schemas.ledger import (
    CHANGE_HEADER,
    FORMAT_HEADER,
    INPUT_HEADER,
    TICK_KEY,
    Inputs,
    change_frame,
    change_headers,
    entries_of,
    partition_of,
)
from schemas.ledger_form import LedgerForm
from schemas.roster import Regency, Roster
from schemas.ruleset import Ruleset
from schemas.station_roster import StationRoster
from schemas.topics import TopicNames
from streams.event_time.sequencer import Sequencer
from streams.rules import Rules
from streams.table import RiskTable
from tests.formats.fingerprint import RELEASES
from tests.streams.ledgers import (
    EIGHT_MS,
    MINUTE_MS,
    PAGAR_ALAM,
    PALEMBANG,
    ROSTER,
    RULES,
    incident,
    notice,
    tick,
    turnout,
)

LEDGER = TopicPartition("siaga.ledger", 0)
NEW = Regency("16.99", "Kabupaten Baru", 50, 15_000, (PALEMBANG,))
STATIONS = "regency,village,station,registered\n16.71,,TPS 001,300\n"


def fold(roster: Roster = ROSTER, rules: Ruleset = RULES, stations: str = "", partitions: int = 1) -> RiskFold:
    listed = StationRoster.parse(stations.splitlines()) if stations else None
    table = RiskTable(0, partitions, roster, Rules(rules), listed)
    return RiskFold(LEDGER, table, TopicNames("siaga."), partitions, None, LedgerForm(roster, 0, partitions))


def record(offset: int, code: str, entries: list, **headers: bytes):
    value = orjson.dumps(entries)
    named = (
        {INPUT_HEADER: Inputs("siaga.incidents", 0, list(range(len(entries)))).header()}
        if entries[0][0] in "it"
        else {}
    )
    return SimpleNamespace(
        offset=offset, key=code.encode(), value=value, timestamp=EIGHT_MS + 60 * MINUTE_MS,
        headers=tuple({**named, **headers}.items()),
    )  # fmt: skip


def batch(*records) -> Batch:
    return Batch(records, records[0].offset, records[-1].offset + 1, records[-1].offset + 1)


def written(made: RiskFold, *records) -> tuple[dict[bytes, bytes], list]:
    """State and other outputs of a batch."""
    outputs = list(made.fold(batch(*records)))
    made.committed()
    state = {output.key: output.value for output in outputs if output.topic == "siaga.risk-state"}
    return state, [output for output in outputs if output.topic != "siaga.risk-state"]


@pytest.fixture
def state() -> dict[bytes, bytes]:
    made = fold()
    made.restored("")
    raised = notice(EIGHT_MS, PALEMBANG, "awas", 4_000)
    return written(
        made,
        record(0, *tick(EIGHT_MS)),
        record(1, PALEMBANG, [incident(1, EIGHT_MS), turnout(1, EIGHT_MS, "TPS 1", 100)]),
        record(2, "16.02", [raised]),
        record(3, "16", [raised]),
    )[0]


def restored(made: RiskFold, state: dict[bytes, bytes]) -> RiskFold:
    for key, value in state.items():
        made.restore(key, value)
    made.restored("")
    return made


def changes(made: RiskFold) -> list[dict]:
    """What a fold writes to the ledger of what has changed, with its first batch."""
    outputs = written(made, record(9, *tick(EIGHT_MS + MINUTE_MS)))[1]
    frames = [output for output in outputs if CHANGE_HEADER in dict(output.headers)]
    for frame in frames:
        assert (frame.topic, frame.partition, frame.key) == ("siaga.ledger", 0, TICK_KEY)
        assert entries_of(frame.value, EIGHT_MS) == [["k", 0]], "a release that knows no changes folds it to no effect"
    return [orjson.loads(dict(frame.headers)[CHANGE_HEADER]) for frame in frames]


def changed(**regencies: Regency | None) -> Roster:
    held = {code: regency for code, regency in ({**ROSTER} | regencies).items() if regency is not None}
    return Roster(held)


def test_the_same_roster_and_ruleset_are_no_change(state, caplog):
    assert changes(restored(fold(), state)) == [] and "goes on" not in caplog.text


FOLLOWS = {
    "added": (changed(**{NEW.code: NEW}), "16.99 is new"),
    "renamed": (
        changed(**{PALEMBANG: replace(ROSTER[PALEMBANG], name="Kota P")}),
        "16.71: name Palembang is now Kota P",
    ),
    "resized": (
        changed(**{PALEMBANG: replace(ROSTER[PALEMBANG], stations=2300, registered=1)}),
        "16.71: stations 2264 is now 2300, registered 1241196 is now 1",
    ),
    "prior": (changed(**{PALEMBANG: replace(ROSTER[PALEMBANG], prior=None)}), "16.71: prior 60.0 is now none"),
}


@pytest.mark.parametrize("which", FOLLOWS)
def test_a_roster_that_may_follow_goes_on_with_a_line_that_lies_on_the_ledger(which, state, caplog):
    roster, words = FOLLOWS[which]
    made = restored(fold(roster), state)
    [line] = [entry.getMessage() for entry in caplog.records]
    assert line == f"siaga.ledger[0] goes on with what its state was not made with: {words}"
    assert changes(made) == [{"from": 9, "changes": [words]}]


def test_the_frame_that_says_so_is_folded_to_no_effect(state):
    """Also by a regency that has no clock yet: the one that was added."""
    made = restored(fold(changed(**{NEW.code: NEW})), state)
    made.committed()
    frame = record(9, TICK_KEY.decode(), [["k", -5 * MINUTE_MS]], **dict(change_headers(9, ["16.99 is new"])))
    assert frame.value == change_frame()
    assert list(made.fold(batch(frame))) == []


def test_it_is_written_once_and_not_again_at_the_next_start(state):
    roster, _ = FOLLOWS["renamed"]
    made = restored(fold(roster), state)
    after, outputs = written(made, record(9, *tick(EIGHT_MS + MINUTE_MS)))
    assert [output for output in outputs if CHANGE_HEADER in dict(output.headers)]
    assert changes(made) == [] and changes(restored(fold(roster), state | after)) == []


def test_a_change_that_was_not_committed_is_written_with_the_next_try(state):
    made = restored(fold(FOLLOWS["renamed"][0]), state)
    for _ in range(2):
        outputs = list(made.fold(batch(record(9, *tick(EIGHT_MS + MINUTE_MS)))))
        assert [output for output in outputs if CHANGE_HEADER in dict(output.headers)]


def test_another_ruleset_goes_on_and_is_named(state):
    newer = RULES.model_copy(update={"version": RULES.version + 1})
    other = RULES.model_copy(update={"about": "something else"})
    assert changes(restored(fold(rules=newer), state)) == [
        {"from": 9, "changes": [f"ruleset {RULES.id} is now {newer.id}"]}
    ]
    assert changes(restored(fold(rules=other), state)) == [
        {"from": 9, "changes": [f"ruleset {RULES.id} has other content under the same version: give it a new one"]}
    ]


def test_every_packaged_ruleset_goes_on_from_the_state_of_another(state):
    older = Ruleset.parse((RELEASES / "0.9.0" / "ruleset.toml").read_text())
    for rules in (older, RULES.model_copy(update={"version": 99})):
        assert len(written(restored(fold(rules=rules), state), record(9, *tick(EIGHT_MS + MINUTE_MS)))[1]) >= 4


def test_a_station_roster_that_came_or_went_is_named(state):
    assert changes(restored(fold(stations=STATIONS), state)) == [
        {"from": 9, "changes": ["16.71: other stations are listed"]}
    ]


def test_a_border_that_is_gone_takes_the_neighbours_level_with_it(state):
    """Nobody would lower it again: its notices no longer come."""
    apart = changed(
        **{"16.02": replace(ROSTER["16.02"], neighbours=()), PALEMBANG: replace(ROSTER[PALEMBANG], neighbours=())}
    )
    made = restored(fold(apart), state)
    [change] = changes(made)
    assert "16.02 no longer borders on 16.71" in change["changes"]
    after = written(made, record(10, "16.02", [incident(2, EIGHT_MS + 2 * MINUTE_MS)]))[0]
    assert orjson.loads(after[b"16.02/h"])["neighbours"]["levels"] == {}


@pytest.mark.parametrize("gone", [PALEMBANG, PAGAR_ALAM])
def test_a_regency_that_is_gone_ends_the_worker_with_a_line_that_names_it(gone, state):
    others = {code: replace(regency, neighbours=()) for code, regency in ROSTER.items() if code != gone}
    with pytest.raises(
        Fatal, match=rf"^siaga\.risk-state\[0\]: {gone} has state .* not in the roster: put it back"
    ) as seen:
        restored(fold(Roster(others)), state)
    assert "\n" not in str(seen.value)


@pytest.mark.parametrize("key", [b"16.02/h", b"16/p"])
def test_a_neighbours_or_provinces_memory_of_a_gone_regency_ends_it_too(key, state):
    """The gone regency's own state may lie in another partition."""
    others = Roster({code: replace(regency, neighbours=()) for code, regency in ROSTER.items() if code != PALEMBANG})
    kept = {
        name: value for name, value in state.items() if name == key or (key == b"16.02/h" and name.startswith(b"16.02"))
    }
    with pytest.raises(Fatal, match=r"state of 16\.71, not in the roster: put it back"):
        restored(fold(others), kept)


def test_another_partition_count_ends_it(state):
    with pytest.raises(Fatal, match="made with another SIAGA_PARTITIONS, which cannot be changed"):
        restored(fold(partitions=2), state)
    palembang = changed(**{"16.02": None, PAGAR_ALAM: None, PALEMBANG: replace(ROSTER[PALEMBANG], neighbours=())})
    own = {key: value for key, value in state.items() if key.startswith(b"16.71")}
    count = next(count for count in range(2, 2000) if partition_of(PALEMBANG, count) == 0)
    with pytest.raises(Fatal, match=f"made with SIAGA_PARTITIONS=1, this worker has {count}"):
        restored(fold(palembang, partitions=count), own)


def test_state_of_release_09_says_nothing_of_its_roster_and_goes_on(state):
    older = {}
    for key, value in state.items():
        fields = orjson.loads(value) if key.endswith(b"/h") else None
        older[key] = value if fields is None else orjson.dumps({k: v for k, v in fields.items() if k != "made_with"})
    assert changes(restored(fold(FOLLOWS["renamed"][0]), older)) == []


def test_reports_of_an_unknown_regency_that_a_worker_wrote_end_the_fold(state):
    """A worker with another roster has admitted them: to pass over them would lose them."""
    made = restored(fold(), state)
    line = r"^siaga\.ledger\[0\]@9: it is of 16\.99, which is not in the roster: put it back"
    for entries in (
        [incident(1, EIGHT_MS)],
        [["j", EIGHT_MS, "a b", "a c", False, "duty_officer", "same_place_and_time"]],
    ):
        with pytest.raises(Fatal, match=line):
            list(made.fold(batch(record(9, "16.99", entries, **{FORMAT_HEADER: b"1"}))))


def test_what_else_lies_under_an_unknown_key_is_set_aside_and_the_partition_goes_on(state):
    made = restored(fold(), state)
    garbage = [
        record(9, "16.99", [incident(1, EIGHT_MS)]),
        record(10, "16.99", [["n", 1, PALEMBANG, "awas", "normal", "", "live", None, ""]], **{FORMAT_HEADER: b"1"}),
        record(11, "x", [incident(1, EIGHT_MS)], **{FORMAT_HEADER: b"1"}),
    ]
    outputs = list(made.fold(batch(*garbage, record(12, *tick(EIGHT_MS + MINUTE_MS)))))
    assert {output.key for output in outputs if output.topic == "siaga.risk"} == {code.encode() for code in ROSTER}


def test_shards_of_intake_that_are_gone_are_waited_for_no_longer():
    """An input of its own was taken from the sources file while its shard was not idle."""
    progress = {"released_ms": 5, "ticked_ms": 0, "sources": {
        "incidents-0": {"watermark_ms": 9, "is_idle": False}, "incidents.kpu-0": {"watermark_ms": 3, "is_idle": False},
    }}  # fmt: skip
    made = Sequencer(1)
    assert made.restore({b"@w": orjson.dumps(progress)}, {"incidents-0"}) == ["intake no longer reads incidents.kpu-0"]
    assert list(made._sources) == ["incidents-0"]
    assert Sequencer(1).restore({b"@w": orjson.dumps(progress)}) == []


def test_frames_that_wait_of_a_regency_that_is_gone_end_the_worker():
    made = RiskFold(
        LEDGER, RiskTable(0, 1, ROSTER, Rules(RULES)), TopicNames("siaga."), 1, Sequencer(2),
        LedgerForm(ROSTER, 0, 1, frozenset({"incidents-0", "turnout-0"})),
    )  # fmt: skip
    made.restore(b"@w", orjson.dumps({"released_ms": 5, "ticked_ms": 0, "sources": {}}))
    made.restore(b"@b/7", b"16.99\n" + orjson.dumps([incident(1, EIGHT_MS)]))
    with pytest.raises(Fatal, match=r"16\.99 has state .*put it back"):
        made.restored("")


def test_a_sequencers_state_that_cannot_be_read_is_built_again():
    made = RiskFold(
        LEDGER, RiskTable(0, 1, ROSTER, Rules(RULES)), TopicNames("siaga."), 1, Sequencer(2),
        LedgerForm(ROSTER, 0, 1, frozenset({"incidents-0", "turnout-0"})),
    )  # fmt: skip
    made.restore(b"@w", b'{"sources": {}}')
    with pytest.raises(Unreadable, match="sequencer cannot be read"):
        made.restored("")
