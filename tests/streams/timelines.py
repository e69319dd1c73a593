"""Timelines: a day as an election officer would write it down, with the escalations that must follow and when.

Each line begins with local time (WIB). What happens:

    08:05 Palembang: clash 3 by polri
    08:05 Palembang: clash 3 by polri, 4 times         one a minute, from that minute on
    08:15 Palembang: clash 3 by polri, occurred 07:30, is incident B    reported late
    08:20 Palembang: clash 3 by polri is incident A    so that later lines can speak of it
    08:40 Palembang: A retracted by polri              its next revision; also verified, resolved, or "clash 5"
    08:45 Palembang: A verified by bawaslu             another source's word, under the first one's number
    08:46 Palembang: A verified by desk of polri       "of": the source's agency, where it is not its name
    08:50 Palembang: A and B are one                   people join them; "are two": they undo it
    09:00 Palembang: drill clash 5 by polri
    10:00 Palembang: TPS 7 voted 210 of 500
    10:00 Palembang: TPS 1-40 voted 210 of 500         each of them
    10:00 16.04: TPS 7 voted 210 of 500                a place by its code
    10:00 nothing                                      lets time pass until then

What must be escalated, no more and no less, in this order:

    08:09 => Palembang raised to waspada: incident_pressure
    08:09 => Palembang raised to waspada, unverified: grave_incident

Between the lines a tick comes every minute, and notices to neighbours and the province travel through the ledger.
"""

import re
from datetime import UTC, datetime, timedelta

import orjson

from schemas.escalation import Escalation
from schemas.ledger import TICK_KEY, Entry, parts_of
from streams.table import RiskTable
from tests.streams.ledgers import EIGHT_MS, MINUTE_MS, OKI, PAGAR_ALAM, PALEMBANG, fresh, incident, join, turnout

PLACES = {"Palembang": PALEMBANG, "OKI": OKI, "Pagar Alam": PAGAR_ALAM, "Province": "16"}
_NAMES = {code: name for name, code in PLACES.items()}
_MIDNIGHT_MS = EIGHT_MS - 8 * 60 * MINUTE_MS
_WIB = timedelta(hours=7)

_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d) "
_ESCALATED = re.compile(_TIME + r"=> (?P<what>.+)")
_REPORT = re.compile(
    _TIME + r"(?P<place>[\w ]+): (?P<drill>drill )?(?P<category>\w+) (?P<severity>[1-5]) by (?P<source>[\w-]+)"
    r"(?P<agency> of [\w-]+)?(, (?P<times>\d+) times)?(, occurred (?P<then>\d\d:\d\d),)?( is incident (?P<label>\w+))?"
)
_AGAIN = re.compile(
    _TIME + r"(?P<place>[\w ]+): (?P<label>[A-Z]\w*) "
    r"((?P<status>retracted|verified|resolved)|(?P<category>\w+) (?P<severity>[1-5]))"
    r" by (?P<source>[\w-]+)(?P<agency> of [\w-]+)?"
)
_JOINED = re.compile(_TIME + r"(?P<place>[\w ]+): (?P<first>[A-Z]\w*) and (?P<second>[A-Z]\w*) are (?P<count>one|two)")
_VOTES = re.compile(
    _TIME + r"(?P<place>[\w. ]+): TPS (?P<first>\d+)(-(?P<last>\d+))? voted (?P<voted>\d+) of (?P<registered>\d+)"
)
_NOTHING = re.compile(_TIME + r"nothing")


class Timeline:
    """Reads a timeline, and plays it into a table."""

    def __init__(self, text: str) -> None:
        self._events: list[tuple[int, str, list]] = []
        self._subjects: dict[tuple[str, str], Entry] = {}  # by place and label: the entry of the first word
        self._words: dict[tuple[str, str], Entry] = {}  # by incident key and source: the entry of its newest word
        self._count = 0
        self.expected: list[str] = []
        self.rows: dict[str, dict] = {}
        self.end_ms = EIGHT_MS
        for line in filter(None, (line.split("#")[0].strip() for line in text.splitlines())):
            self._read(line)

    def _read(self, line: str) -> None:
        if match := _ESCALATED.fullmatch(line):
            self.expected.append(line)
        elif match := _REPORT.fullmatch(line):
            self._report(match)
        elif match := _AGAIN.fullmatch(line):
            self._again(match)
        elif match := _JOINED.fullmatch(line):
            self._join(match)
        elif match := _VOTES.fullmatch(line):
            self._votes(match)
        elif match := _NOTHING.fullmatch(line):
            pass
        else:
            raise ValueError(f"no such line in a timeline: {line}")
        self.end_ms = max(self.end_ms, _at(match))

    def _report(self, match: re.Match) -> None:
        for repeat in range(int(match["times"] or 1)):
            at_ms, number = _at(match) + repeat * MINUTE_MS, self._next()
            label = match["label"] or f"n{number}"
            category, severity = match["category"], int(match["severity"])
            occurred_ms = _clock_ms(*match["then"].split(":")) if match["then"] else None
            entry = self._subjects[match["place"], label] = incident(
                number, at_ms, category, severity, source=match["source"], agency=_agency(match), incident=label,
                occurred_ms=occurred_ms, exercise=bool(match["drill"]),
            )  # fmt: skip
            self._add(at_ms, PLACES[match["place"]], entry)

    def _votes(self, match: re.Match) -> None:
        code, at_ms = PLACES.get(match["place"], match["place"]), _at(match)
        voted, registered = int(match["voted"]), int(match["registered"])
        for station in range(int(match["first"]), int(match["last"] or match["first"]) + 1):
            self._add(at_ms, code, turnout(self._next(), at_ms, f"TPS {station}", voted, registered=registered))

    def _again(self, match: re.Match) -> None:
        """A word on an incident: of its source a higher revision, of another one the first or the next."""
        key = (match["place"], match["label"])
        first = self._subjects[key]
        origin, _ = parts_of(first[3])
        before = self._words.get((first[3], match["source"]), first)
        status = "reported" if before[8] == "retracted" else before[8]
        category, severity = match["category"] or before[6], int(match["severity"] or before[7])
        entry = incident(
            self._next(), _at(match), category, severity, source=match["source"], agency=_agency(match),
            status=match["status"] or status, revision=before[4] + 1, incident=match["label"], origin=origin,
            occurred_ms=first[9],
        )  # fmt: skip
        self._words[first[3], match["source"]] = entry
        self._add(_at(match), PLACES[match["place"]], entry)

    def _join(self, match: re.Match) -> None:
        first, second = (self._subjects[match["place"], match[label]][3] for label in ("first", "second"))
        self._add(_at(match), PLACES[match["place"]], join(_at(match), first, second, match["count"] == "two"))

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _add(self, at_ms: int, code: str, entry: list) -> None:
        self._events.append((at_ms, code, entry))
        self.end_ms = max(self.end_ms, at_ms)

    def play(self, table: RiskTable | None = None) -> list[dict]:
        """Every escalation, in order."""
        table = fresh() if table is None else table
        escalations: list[dict] = []
        waiting = sorted(self._events, key=lambda event: event[0])
        offset = 0
        first_ms = min([EIGHT_MS, *(at_ms for at_ms, _, _ in waiting)])
        for at_ms in range(first_ms, self.end_ms + MINUTE_MS, MINUTE_MS):
            frames = [(TICK_KEY, ["k", at_ms])]
            while waiting and waiting[0][0] <= at_ms:
                _, code, entry = waiting.pop(0)
                frames.append((code.encode(), entry))
            while frames:
                key, entry = frames.pop(0)
                table.apply(offset, key, [entry])
                offset += 1
                drained = table.drain()
                self.rows |= {code: orjson.loads(value) for code, value in drained.rows}
                escalations += [orjson.loads(value) for _, value in drained.escalations]
                for _, value in drained.escalations:
                    Escalation.model_validate_json(value)
                frames += [(target.encode(), notice) for target, notice in drained.notices]
        return escalations


def check(text: str) -> list[dict]:
    """Play a timeline and compare its escalations with the expected ones; returns them."""
    timeline = Timeline(text)
    escalations = timeline.play()
    lines = [_line(item) for item in escalations]
    if lines != timeline.expected:
        raise AssertionError("\n  ".join(["escalated:", *lines, "expected:", *timeline.expected]))
    return escalations


def _agency(match: re.Match) -> str | None:
    return match["agency"].removeprefix(" of ") if match["agency"] else None


def _at(match: re.Match) -> int:
    return _clock_ms(match["hour"], match["minute"])


def _clock_ms(hour: str, minute: str) -> int:
    return _MIDNIGHT_MS + (int(hour) * 60 + int(minute)) * MINUTE_MS


def _line(item: dict) -> str:
    moment = datetime.fromisoformat(item["event_time"]).astimezone(UTC) + _WIB
    unverified = ", unverified" if item["unverified"] else ""
    preposition = (
        "" if item["change"] in ("cleared", "stale", "recovered") else f" {_WORDS[item['change']]} {item['level']}"
    )
    return f"{moment:%H:%M} => {_NAMES[item['regency']]} {item['change']}{preposition}{unverified}: {item['reason']}"


_WORDS = {"raised": "to", "lowered": "to", "amended": "at"}
