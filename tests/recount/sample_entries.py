"""Ledger entries by hand, and a regency that they are folded into."""

from itertools import count

from tests.recount.known import MANY
from tests.recount.outcomes import Outcomes
from tests.recount.policy import DEFAULT_POLICY, Place
from tests.recount.regency import Regency

SECOND_MS, MINUTE_MS, HOUR_MS = 1000, 60_000, 3_600_000
#: 27 November 2024, 10:00 local time.
TEN_MS = 1_732_676_400_000
SMALL = Place("16.72", "Kota Pagar Alam", 247, ("16.03",), 0.0)
LARGE = Place("16.71", "Kota Palembang", 2264, ("16.03",), 0.0)
_numbers = count()


def word(source: str, number: str = "", at_ms: int = TEN_MS, **changes: object) -> list:
    """An incident of its own unless `number` says of which one. Fields by name are those of the ledger's entry."""
    numbered = number or f"{source} n{next(_numbers)}"
    said = {
        "at_ms": at_ms, "event_id": f"e{next(_numbers)}", "key": numbered, "revision": 1, "station": None,
        "category": "clash", "severity": 3, "status": "reported", "occurred_ms": at_ms, "reported_ms": at_ms,
        "source": source, "is_exercise": False, "agency": source,
    } | changes  # fmt: skip
    return ["i", *said.values()]


def figure(source: str, station: str, at_ms: int = TEN_MS, **changes: object) -> list:
    said = {
        "at_ms": at_ms, "event_id": f"e{next(_numbers)}", "station": f" {station}", "registered": 300, "voted": 100,
        "as_of_ms": at_ms, "revision": 1, "source": source, "is_exercise": False, "agency": source, "rank": 1000,
    } | changes  # fmt: skip
    return ["t", *said.values()]


def notice(code: str, level: str, sole: str = "", at_ms: int = TEN_MS) -> list:
    return ["n", at_ms, code, level, "normal", "1", "live", None, sole]


def counts(code: str, at_ms: int = TEN_MS, past: tuple[int, ...] = (0, 0, 0, 0), **told: int | dict[str, int]) -> list:
    """What a member tells its province, by category: of each agency, or of several together."""
    by_agency = {category: of if isinstance(of, dict) else {MANY: of} for category, of in told.items()}
    return ["c", at_ms, code, by_agency, list(past)]


def pace(stations: int, at_ms: int = TEN_MS, past: tuple[int, ...] = (0, 0, 0, 0), **thousandths: int) -> list:
    return ["p", at_ms, "16", stations, thousandths, list(past)]


def regency(*entries: list, place: Place = SMALL) -> Regency:
    """After these entries, all of them evaluated."""
    policy = DEFAULT_POLICY
    made = Regency(place, policy, Outcomes(policy.offset_ms, None, place.stations, policy.limits(place.stations)))
    return told(made, *entries)


def told(made: Regency, *entries: list) -> Regency:
    for entry in entries:
        made.take(entry)
        made.evaluate(None)
    return made
