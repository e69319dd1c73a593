"""The present: the state of regencies, read from the topic that the workers restore it from.

Rows and state are committed in one transaction, so the state that is read after a row is at least as new as that row.
"""

from collections.abc import Iterable

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

    Raises KafkaError, TopicMissing, and UnknownFormat for the state of another version, or that cannot be read.
    """
    return states_now(settings, roster, ruleset, stations, [code], connect_s).get(code)


def states_now(
    settings: Settings,
    roster: Roster,
    ruleset: Ruleset,
    stations: StationRoster | None,
    codes: Iterable[str],
    connect_s: float,
) -> dict[str, RegencyState]:
    """The states of these regencies that have one, by code; see `state_now`."""
    codes = list(codes)
    name, prefixes = settings.topics[Topic.STATE], tuple(code.encode() + b"/" for code in codes)
    numbers = sorted({partition_of(code, settings.partitions) for code in codes})
    stored: dict[bytes, bytes] = {}
    with TopicReader(settings, connect_s) as reader:
        reader.partitions(Topic.STATE)
        reader.start_at_beginning([TopicPartition(name, number) for number in numbers])
        for batch in reader.read_to_end():
            for record in batch:
                if record.value is None:
                    stored.pop(record.key, None)
                elif record.key.startswith(prefixes):
                    stored[record.key] = record.value
    regencies, _ = records.by_code(stored.items())
    rules, states = Rules(ruleset), dict[str, RegencyState]()
    for key, found in regencies.items():
        if found.head:
            code = key.decode()
            states[code] = RegencyState(roster[code], rules, stations.of(code) if stations else None)
            records.restore(states[code], found)
    return states


def incident_of(state: RegencyState, number: str) -> str | None:
    """The incident key under which a number counts: another one where people have joined them; None if unknown."""
    record = state.incidents.records.get(number)
    return None if record is None else record.joined_to or number
