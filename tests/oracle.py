"""What must come out, computed from the input topics and the public contract alone. Shares no code with Siaga.

Slow and plain on purpose: dictionaries, `json`, `datetime`. It knows nothing of ledgers, shards, windows kept
incrementally or decay; it recounts everything at the end."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

WEIGHTS = {1: 1, 2: 2, 3: 4, 4: 8, 5: 16}
WINDOWS_S = {"1h": 3600, "6h": 21600, "24h": 86400}
CATEGORIES = set(
    "logistics administration eligibility money_politics neutrality disinformation intimidation protest clash "
    "property_attack fatality natural_hazard data_integrity".split()
)
INCIDENT_FIELDS = set(
    "event_id incident_id revision regency category severity status occurred_at reported_at source".split()
)
TURNOUT_FIELDS = set("event_id regency station registered voted as_of source".split())


@dataclass(frozen=True)
class Record:
    """A record read back from Kafka."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes] = field(default_factory=dict)


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _parse(value: bytes | None, required: set[str], optional: set[str], roster: set[str]) -> dict | None:
    try:
        message = json.loads(value)
        if not required <= message.keys() or not message.keys() <= required | optional:
            return None
        return message if message["regency"] in roster else None
    except (ValueError, TypeError, AttributeError):
        return None


def incident_of(value: bytes | None, roster: set[str]) -> dict | None:
    """The incident in a record of the incidents topic, None when the contract says it must be rejected."""
    message = _parse(value, INCIDENT_FIELDS, {"station", "is_exercise"}, roster)
    if message is None or type(message["severity"]) is not int or message["severity"] not in WEIGHTS:
        return None
    if message["category"] not in CATEGORIES or type(message["revision"]) is not int:
        return None
    return message


def turnout_of(value: bytes | None, roster: set[str]) -> dict | None:
    """The turnout in a record of the turnout topic, None when it must be rejected."""
    message = _parse(value, TURNOUT_FIELDS, {"revision", "is_exercise"}, roster)
    if message is None or type(message["voted"]) is not int or message["voted"] < 0:
        return None
    return message


@dataclass
class Expected:
    """What the inputs amount to. `rejected` are (topic, partition, offset) of the records that must be rejected."""

    incidents: dict[str, dict[str, dict]]
    stations: dict[str, dict[str, dict]]
    exercises: dict[str, int]
    rejected: set[tuple[str, int, int]]
    accepted: int


def expect(incidents: list[Record], turnouts: list[Record], roster: set[str]) -> Expected:
    """Recount the inputs. Highest revision per incident, latest (as_of, revision) per station, first of each event_id."""
    expected = Expected(defaultdict(dict), defaultdict(dict), defaultdict(int), set(), 0)
    seen: set[tuple[str, str]] = set()
    for record, parse in [(r, incident_of) for r in incidents] + [(r, turnout_of) for r in turnouts]:
        message = parse(record.value, roster)
        if message is None:
            expected.rejected.add((record.topic, record.partition, record.offset))
            continue
        expected.accepted += 1
        regency, event = message["regency"], (message["regency"], message["event_id"])
        if event in seen:
            continue
        seen.add(event)
        if message.get("is_exercise"):
            expected.exercises[regency] += 1
        elif parse is incident_of:
            _keep_incident(expected.incidents[regency], message)
        else:
            _keep_turnout(expected.stations[regency], message)
    return expected


def _keep_incident(known: dict[str, dict], message: dict) -> None:
    held = known.get(message["incident_id"])
    if held is None or message["revision"] > held["revision"]:
        known[message["incident_id"]] = message


def _keep_turnout(known: dict[str, dict], message: dict) -> None:
    def rank(m: dict) -> tuple[float, int]:
        return (seconds(m["as_of"]), m.get("revision", 1))

    held = known.get(message["station"])
    if held is None or rank(message) > rank(held):
        known[message["station"]] = message


def row_faults(row: dict, expected: Expected) -> list[str]:
    """How a final risk row differs from the recount, as sentences; empty when it agrees."""
    regency, faults = row["regency"], []
    now = seconds(row["as_of"])
    live = [i for i in expected.incidents[regency].values() if i["status"] != "retracted"]
    for name, length in WINDOWS_S.items():
        inside = [i for i in live if seconds(i["occurred_at"]) > now - length]
        want = {"incidents": len(inside), "weight": sum(_weight(i) for i in inside)}
        if row["windows"][name] != want:
            faults.append(f"{regency}: window {name} is {row['windows'][name]}, recounted {want}")
    stations = expected.stations[regency].values()
    want = {
        "stations_reported": len(stations),
        "registered": sum(s["registered"] for s in stations),
        "voted": sum(s["voted"] for s in stations),
        "over_capacity": sum(s["voted"] > s["registered"] for s in stations),
    }
    for name, value in want.items():
        if row["turnout"][name] != value:
            faults.append(f"{regency}: turnout {name} is {row['turnout'][name]}, recounted {value}")
    if row["excluded"]["exercise"] != expected.exercises[regency]:
        faults.append(f"{regency}: exercise is {row['excluded']['exercise']}, recounted {expected.exercises[regency]}")
    return faults


def _weight(incident: dict) -> float:
    # A peaceful protest is a right: the default ruleset weighs it lower, so scenes that use this oracle leave it out.
    assert incident["category"] != "protest"
    return WEIGHTS[incident["severity"]]


def escalation_faults(escalations: list[dict], rows: dict[str, dict]) -> list[str]:
    """Doubled ids, episodes with holes, chains that do not join, final levels that no escalation announced."""
    faults = []
    ids = [e["escalation_id"] for e in escalations]
    faults += [f"escalation {i} was published {ids.count(i)} times" for i in set(ids) if ids.count(i) > 1]
    by_regency: dict[str, list[dict]] = defaultdict(list)
    for escalation in escalations:
        by_regency[escalation["regency"]].append(escalation)
    for regency, chain in by_regency.items():
        level, episode = "normal", 0
        for escalation in chain:
            if escalation["previous_level"] != level:
                faults.append(
                    f"{regency}: {escalation['escalation_id']} starts at {escalation['previous_level']}, was {level}"
                )
            if not episode <= escalation["episode"] <= episode + 1:
                faults.append(f"{regency}: episode {escalation['episode']} follows {episode}")
            level, episode = escalation["level"], escalation["episode"]
        if regency in rows and rows[regency]["level"] != level:
            faults.append(f"{regency}: the row says {rows[regency]['level']}, the last escalation {level}")
    for regency, row in rows.items():
        if row["level"] != "normal" and regency not in by_regency:
            faults.append(f"{regency}: at {row['level']} without an escalation")
    return faults
