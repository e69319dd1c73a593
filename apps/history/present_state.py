"""The present: one regency's state, read from the topic that the workers restore it from.

Rows and state are committed in one transaction, so the state that is read after a row is at least as new as that row.
"""

from kafka import TopicPartition

from agents.kafka.topic_reader import TopicReader
from agents.settings import Settings
from schemas.ledger import partition_of
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.station_roster import StationRoster
from schemas.topics import Topic
from streams.risk.regency import RegencyState
from streams.rules import Rules
from streams.storage import records


def state_now(
    settings: Settings, roster: Roster, ruleset: Ruleset, stations: StationRoster | None, code: str, connect_s: float
) -> RegencyState | None:
    """The state of a regency as last committed; None when it has none. Needs the roster and ruleset of the workers.

    Raises KafkaError, TopicMissing, and UnknownFormat for the state of another version.
    """
    name, prefix = settings.topics[Topic.STATE], code.encode() + b"/"
    stored: dict[bytes, bytes | None] = {}
    with TopicReader(settings, connect_s) as reader:
        reader.partitions(Topic.STATE)
        reader.start_at_beginning([TopicPartition(name, partition_of(code, settings.partitions))])
        for batch in reader.read_to_end():
            stored |= {record.key: record.value for record in batch if record.key.startswith(prefix)}
    present = [(key, value) for key, value in stored.items() if value is not None]
    regencies, _ = records.by_code(present)
    found = regencies.get(code.encode())
    if found is None or not found.head:
        return None
    state = RegencyState(roster[code], Rules(ruleset), stations.of(code) if stations else None)
    records.restore(state, found)
    return state


def incident_of(state: RegencyState, number: str) -> str | None:
    """The incident key under which a number counts: another one where people have joined them; None if unknown."""
    record = state.incidents.records.get(number)
    return None if record is None else record.joined_to or number
