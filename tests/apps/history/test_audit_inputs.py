"""The comparison of inputs and ledger: what is missing, doubled, altered or invented is found, and nothing else."""

from types import SimpleNamespace

import orjson
import pytest
from kafka import TopicPartition

from agents.settings import Settings
from apps.history.audit_inputs import InputsCheck
from schemas.ledger import Entry, Inputs
from schemas.rejected import rejected_headers
from schemas.roster import Roster
from schemas.sources import Sources
from schemas.topics import Topic
from schemas.vocabulary import RejectReason
from streams.admission import Admitted, Gate
from tests.agents.test_intake import NOON_MS, incident

SOURCE = TopicPartition("siaga.incidents", 2)
FILE = Sources.parse('[sources.kpu]\nagency = "kpu"\ninput = "kpu"\n')


def an_input(offset: int, value: bytes, at_ms: int = NOON_MS) -> SimpleNamespace:
    return SimpleNamespace(
        topic=SOURCE.topic, partition=2, offset=offset, timestamp=at_ms, timestamp_type=1, value=value, headers=[]
    )


def entry_of(record: SimpleNamespace, clock: str) -> Entry:
    admitted = Gate(Roster.default(), Settings.load(clock=clock).clock, FILE).admit(
        Topic.INCIDENTS, record.value, (), record.timestamp
    )
    assert isinstance(admitted, Admitted)
    return admitted.entry


class Ledger:
    """One deployment's ledger and rejected topic as an audit reads them."""

    def __init__(self, clock: str = "wall") -> None:
        self.check = InputsCheck(Settings.load(clock=clock), Roster.default(), FILE)
        self._offset = 0

    def frame(self, entries: list[Entry], offsets: list[int], code: str = "16.71", at_ms: int = NOON_MS + 5) -> None:
        self._offset += 1
        record = SimpleNamespace(partition=1, offset=self._offset, timestamp=at_ms, key=code.encode())
        self.check.take(record, Inputs(*SOURCE, offsets), entries)

    def reject(self, offset: int, reason: RejectReason = RejectReason.SCHEMA) -> None:
        self._offset += 1
        headers = list(rejected_headers(reason, "an error", *SOURCE, offset))
        self.check.take_rejected(
            SimpleNamespace(partition=2, offset=self._offset, timestamp=NOON_MS + 5, headers=headers)
        )

    def findings(self, records: list, read_to: int = 100, beginning: int = 0) -> list[str]:
        self.check.compare(SOURCE, beginning, read_to, records)
        self.check.close()
        return self.check.result.findings


INPUTS = [an_input(0, incident(number=0)), an_input(1, b"no message"), an_input(3, incident(number=3))]


@pytest.fixture(params=["wall", "event"])
def clock(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def whole(clock: str) -> Ledger:
    """Every input where it belongs."""
    ledger = Ledger(clock)
    ledger.frame([entry_of(INPUTS[0], clock), entry_of(INPUTS[2], clock)], [0, 3])
    ledger.reject(1)
    return ledger


def test_what_intake_wrote_agrees(whole: Ledger):
    assert whole.findings(INPUTS) == []
    result = whole.check.result
    assert (result.records, result.admitted_now, result.stamped_early, dict(result.unproven)) == (3, 0, 0, {})


def test_an_input_that_is_nowhere_is_found_once_intake_has_read_it(whole: Ledger):
    more = [*INPUTS, an_input(4, incident(number=4)), an_input(5, b"no message"), an_input(6, incident(number=6))]
    assert whole.findings(more, read_to=6) == [
        "siaga.incidents[2]@4 is neither on the ledger nor rejected",
        "siaga.incidents[2]@5 is neither on the ledger nor rejected",
    ]


def test_an_input_that_is_there_twice_is_found(whole: Ledger, clock: str):
    whole.frame([entry_of(INPUTS[0], clock)], [0])
    whole.reject(1)
    whole.reject(3)
    assert whole.findings(INPUTS) == [
        "siaga.incidents[2]@0 is there more than once: ledger offset 1/1, ledger offset 1/3",
        "siaga.incidents[2]@1 is there more than once: rejected offset 2/2, rejected offset 2/4",
        "siaga.incidents[2]@3 is there more than once: ledger offset 1/1, rejected offset 2/5",
    ]


def test_an_entry_without_an_input_is_found(whole: Ledger, clock: str):
    whole.frame([entry_of(INPUTS[0], clock)], [7])
    assert whole.findings(INPUTS) == ["ledger offset 1/3 names siaga.incidents[2]@7, where there is no record"]


@pytest.mark.parametrize("place, wrong, name", [(6, "fatality", "category"), (7, 5, "severity"), (13, "x", "agency")])
def test_an_altered_entry_is_found_and_its_fields_are_named(clock: str, place: int, wrong: object, name: str):
    ledger, entry = Ledger(clock), entry_of(INPUTS[0], clock)
    ledger.frame([entry[:place] + [wrong] + entry[place + 1 :]], [0])
    assert ledger.findings(INPUTS[:1]) == [f"siaga.incidents[2]@0 gives another entry than ledger offset 1/1: {name}"]


def test_an_entry_of_another_regency_or_of_no_message_is_found(clock: str):
    ledger, entry = Ledger(clock), entry_of(INPUTS[0], clock)
    ledger.frame([entry, entry], [0, 1], code="16.02")
    assert ledger.findings(INPUTS[:2]) == [
        "siaga.incidents[2]@0 is of 16.71, and its entry of 16.02, ledger offset 1/1",
        "siaga.incidents[2]@1 is at ledger offset 1/1 and is not admitted: invalid_json",
    ]


def test_a_time_after_the_append_is_found_and_one_before_is_counted():
    ledger, entry = Ledger(), entry_of(INPUTS[0], "wall")
    early, late = [entry[0], entry[1] - 60_000, *entry[2:]], [entry[0], entry[1] + 1, *entry[2:]]
    ledger.frame([early, late], [0, 2])
    found = ledger.findings([INPUTS[0], an_input(2, INPUTS[0].value)])
    assert found == ["siaga.incidents[2]@2 has an entry with a later time than its append, ledger offset 1/1"]
    assert ledger.check.result.stamped_early == 1


def test_an_input_that_is_no_topic_of_these_settings_is_found():
    ledger = Ledger()
    record = SimpleNamespace(partition=1, offset=4, timestamp=NOON_MS, key=b"16.71")
    ledger.check.take(record, Inputs("siaga.invented", 0, [9]), [entry_of(INPUTS[0], "wall")])
    assert ledger.findings([]) == ["ledger offset 1/4 names siaga.invented[0]@9, which is no input"]


def test_what_retention_has_deleted_is_unproven_and_no_finding(whole: Ledger):
    assert whole.findings([], beginning=10) == []
    assert dict(whole.check.result.unproven) == {"entries of the ledger whose input retention has deleted": 2}


def test_an_input_older_than_what_the_ledger_still_holds_is_unproven():
    ledger = Ledger()
    ledger.check.ledger_begins = dict.fromkeys(range(6), NOON_MS)
    ledger.check.rejected_begins = {2: NOON_MS}
    later = an_input(4, incident(number=4), NOON_MS + 1)
    assert ledger.findings([*INPUTS, later]) == ["siaga.incidents[2]@4 is neither on the ledger nor rejected"]
    assert dict(ledger.check.result.unproven) == {"inputs whose entry or rejection retention has deleted": 3}


def test_entries_from_before_the_topic_was_recreated_are_unproven(clock: str):
    ledger = Ledger(clock)
    ledger.frame([entry_of(INPUTS[0], clock)] * 2, [0, 50], at_ms=NOON_MS - 1)
    ledger.frame([entry_of(INPUTS[0], clock)], [0])
    assert ledger.findings(INPUTS[:1]) == []
    assert sum(ledger.check.result.unproven.values()) == 2


def test_so_are_they_where_retention_has_deleted_the_new_topics_beginning():
    ledger, later = Ledger(), an_input(7, incident(number=7), NOON_MS + 60_000)
    ledger.frame([entry_of(INPUTS[0], "wall")] * 2, [7, 50])
    ledger.frame([entry_of(later, "wall")], [7], at_ms=later.timestamp + 5)
    assert ledger.findings([later], beginning=7) == []
    assert sum(ledger.check.result.unproven.values()) == 2


def test_a_rejected_input_that_would_be_admitted_is_counted(clock: str):
    ledger = Ledger(clock)
    ledger.reject(0, RejectReason.UNSUPPORTED_VERSION)
    assert ledger.findings(INPUTS[:1]) == [] and ledger.check.result.admitted_now == 1
    assert orjson.dumps(ledger.check.result.findings)
