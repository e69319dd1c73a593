"""Every closed set of words and every time constant, once, for messages, rulesets, the fold, CAP, texts and the page.

Enums name the members where code chooses one; the tuples beside them hold the same words as plain strings in their
fixed order, for messages and for the fold. Their English and Indonesian names are in
`apps/language/catalogue.toml`; which category belongs to which group, and how much it weighs, is the ruleset's.
"""

from enum import StrEnum

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class Category(StrEnum):
    """What kind of incident a report is about."""

    LOGISTICS = "logistics"
    ADMINISTRATION = "administration"
    ELIGIBILITY = "eligibility"
    MONEY_POLITICS = "money_politics"
    NEUTRALITY = "neutrality"
    DISINFORMATION = "disinformation"
    INTIMIDATION = "intimidation"
    PROTEST = "protest"
    CLASH = "clash"
    PROPERTY_ATTACK = "property_attack"
    FATALITY = "fatality"
    NATURAL_HAZARD = "natural_hazard"
    DATA_INTEGRITY = "data_integrity"


class Status(StrEnum):
    """How far an incident has been checked."""

    REPORTED = "reported"
    VERIFIED = "verified"
    RESOLVED = "resolved"
    RETRACTED = "retracted"


class Level(StrEnum):
    """The levels of a regency or province, from calm to danger."""

    NORMAL = "normal"
    WASPADA = "waspada"
    SIAGA = "siaga"
    AWAS = "awas"


class DataStatus(StrEnum):
    """Whether reports arrive from a regency: recently, no longer, or never."""

    LIVE = "live"
    STALE = "stale"
    SILENT = "silent"


class Change(StrEnum):
    """What an escalation announces."""

    RAISED = "raised"
    LOWERED = "lowered"
    CLEARED = "cleared"
    AMENDED = "amended"
    STALE = "stale"
    RECOVERED = "recovered"


class Reason(StrEnum):
    """The rule that decided an escalation."""

    GRAVE_INCIDENT = "grave_incident"
    GRAVE_INCIDENT_CONFIRMED = "grave_incident_confirmed"
    INCIDENT_PRESSURE = "incident_pressure"
    TURNOUT_ANOMALY = "turnout_anomaly"
    SPILL_OVER = "spill_over"
    ROLLING_SUM = "rolling_sum"
    MEMBERS = "members"
    CALM = "calm"
    CORRECTION = "correction"
    CONFIRMATION = "confirmation"
    SILENCE = "silence"
    REPORTS_RESUMED = "reports_resumed"


class RejectReason(StrEnum):
    """The rule that rejected an input record."""

    NOT_UTF8 = "not_utf8"
    INVALID_JSON = "invalid_json"
    SCHEMA = "schema"
    UNKNOWN_REGENCY = "unknown_regency"
    FUTURE = "future"
    TOO_OLD = "too_old"
    TOO_LARGE = "too_large"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    UNSUPPORTED_VERSION = "unsupported_version"
    SOURCE_NOT_ALLOWED = "source_not_allowed"
    UNKNOWN_VILLAGE = "unknown_village"
    PERSONAL_DATA = "personal_data"


class JoinReason(StrEnum):
    """Why people join two incidents, or undo it. There is no free text: it could name a person."""

    SAME_PLACE_AND_TIME = "same_place_and_time"
    AGENCIES_AGREE = "agencies_agree"
    JOINED_BY_MISTAKE = "joined_by_mistake"


class EvictReason(StrEnum):
    """Why people take a publisher's words out of the table."""

    FLOOD = "flood"
    STOLEN_CREDENTIALS = "stolen_credentials"
    WRONG_DATA = "wrong_data"
    TEST_DATA = "test_data"


class EraseReason(StrEnum):
    """Why people erase an incident."""

    REQUEST_OF_THE_PERSON = "request_of_the_person"
    PERSONAL_DATA_FOUND = "personal_data_found"


def _words(members: type[StrEnum]) -> tuple[str, ...]:
    return tuple(member.value for member in members)


CATEGORIES = _words(Category)
STATUSES = _words(Status)
#: Statuses of an incident that counts: a retracted one does not.
COUNTED_STATUSES = STATUSES[:3]
LEVELS = _words(Level)
#: The levels above normal.
ALARMS = LEVELS[1:]
DATA_STATUSES = _words(DataStatus)
#: 1 minor to 5 gravest.
SEVERITIES = (1, 2, 3, 4, 5)
#: Groups of categories that are scored together. The last is a right: it is counted and never adds to a score.
GROUPS = ("security", "integrity", "supply", "process", "expression")
#: What a regency's score is made of, in order; under the plain model, and a province's.
COMPONENTS = (*GROUPS[:4], "turnout", "neighbours", "prior")
ROLLING = ("rolling_sum",)
MEMBERS = tuple(f"members_{level}" for level in reversed(ALARMS))
#: Those whom the packaged rulesets notify. A ruleset may name others.
AUTHORITIES = ("kpu", "bawaslu", "gakkumdu", "police", "governor", "kominda", "bpbd")
#: Who decides something that is written on the ledger: a role, never a person.
ROLES = (*AUTHORITIES, "operator")
