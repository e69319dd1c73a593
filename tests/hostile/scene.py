"""A scene for attackers: Sumsel as packaged (roster, ruleset, sources), a gate and one table of all its regencies.

Messages are the publishers' own JSON, told at the scene's clock. Ticks come at evaluation times, and notices to
neighbours and the province are delivered at once, and must be of the ledger's form: a worker quarantines others.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib import resources
from itertools import count

import orjson

from schemas.ledger import TICK_KEY, Entry, Frame
from schemas.ledger_form import LedgerForm
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.sources import Sources
from schemas.station_roster import StationRoster
from schemas.topics import Topic
from schemas.vocabulary import LEVELS, MINUTE_MS
from streams.admission import ClockMode, Gate, Rejection
from streams.risk.regency import RegencyState
from streams.rules import Rules
from streams.table import RiskTable
from tests.streams.ledgers import EIGHT_MS, Outputs

ROSTER = Roster.default()
COMPILED = Rules(Ruleset.default())
FORM = LedgerForm(ROSTER, 0, 1)
GATE = Gate(ROSTER, ClockMode.WALL, Sources.default())
PALEMBANG, PAGAR_ALAM, PRABUMULIH, PROVINCE = "16.71", "16.72", "16.74", "16"
NORMAL, WASPADA, SIAGA, AWAS = range(4)
MOST_REVISION = 2**53 - 1

#: Fields of a message. `ago`: how many minutes before it is sent the incident occurred, or the figure was taken.
Message = dict[str, object]
_NUMBERS = count(1)


def incident(
    regency: str, category: str = "clash", severity: int = 3, source: str = "polda", ago: float = 0, **fields: object
) -> Message:
    """An incident message; without `incident_id` an incident of its own."""
    number = next(_NUMBERS)
    return {
        "event_id": f"e-{number}", "incident_id": f"i-{number}", "revision": 1, "regency": regency, "ago": ago,
        "category": category, "severity": severity, "status": "reported", "source": source, **fields,
    }  # fmt: skip


def turnout(
    regency: str, station: str, voted: int, registered: int = 500, source: str = "kpu", ago: float = 0, **fields: object
) -> Message:
    """A turnout message."""
    return {
        "event_id": f"t-{next(_NUMBERS)}", "regency": regency, "station": station, "registered": registered,
        "voted": voted, "source": source, "ago": ago, **fields,
    }  # fmt: skip


def ruleset(**values: float) -> Rules:
    """The packaged ruleset with other values of these fields."""
    text = resources.files("schemas").joinpath("rulesets/sumsel-pilkada-2024.toml").read_text(encoding="utf-8")
    for name, value in values.items():
        text, found = re.subn(rf"(?m)^({name} = {{ value = )[\d.]+", rf"\g<1>{value}", text)
        assert found == 1, f"the ruleset has {found} fields {name}"
    return Rules(Ruleset.parse(text))


class Scene:
    """Plays messages into a table. `rejected`: how many messages were not admitted, by reason."""

    def __init__(
        self,
        rules: Rules = COMPILED,
        is_delivered: Callable[[str, Entry], bool] = lambda *_: True,
        stations: StationRoster | None = None,
        gate: Gate = GATE,
    ) -> None:
        """`is_delivered`: of a notice, by its target. `stations`: the station roster, where there is one."""
        self.now_ms, self.rules, self.stations = EIGHT_MS, rules, stations
        self.outputs = Outputs()
        self.rejected = Counter[str]()
        self.highest: Counter[str] = Counter()  # level reached so far, by regency and province
        self.table = RiskTable(0, 1, ROSTER, rules, stations)
        self._gate, self._is_delivered, self._offset = gate, is_delivered, 0
        self.wait(0)

    def send(self, *messages: Message) -> None:
        """All at once: one frame of each regency."""
        frames: dict[str, list[Entry]] = {}
        for message in messages:
            admitted = self._gate.admit(*self._record(message), (), self.now_ms)
            if isinstance(admitted, Rejection):
                self.rejected[admitted.reason] += 1
            else:
                frames.setdefault(admitted.regency, []).append(admitted.entry)
        self._apply(frames.items())

    def wait(self, minutes: float, every: float = 0) -> None:
        """Let time pass, from one evaluation time to the next, or that which comes after `every` minutes."""
        until_ms, step_ms = self.now_ms + round(minutes * MINUTE_MS), round(every * MINUTE_MS) or self.rules.step_ms
        while True:
            self._apply([(TICK_KEY.decode(), [["k", self.now_ms]])])
            if self.now_ms >= until_ms:
                return
            self.now_ms = min(until_ms, self.rules.grid(self.now_ms) + step_ms)

    def restart(self) -> None:
        """The worker starts again: a new table from the state records."""
        self.table = RiskTable(0, 1, ROSTER, self.rules, self.stations)
        for key, value in self.outputs.state.items():
            self.table.restore(key, value)
        self.table.restored()

    def regency(self, code: str) -> RegencyState:
        return next(state for state in self.table if state.regency.code == code)

    def escalations(self, code: str | None = None) -> list[dict]:
        return self.outputs.changes(code)

    def raised(self, code: str, level: int) -> int | None:
        """When it first reached a level, in epoch milliseconds; None when it has not."""
        for item in self.escalations(code):
            if LEVELS.index(item["level"]) >= level:
                return round(datetime.fromisoformat(item["event_time"]).timestamp() * 1000)
        return None

    def _record(self, message: Message) -> tuple[Topic, bytes]:
        fields = dict(message)
        then = datetime.fromtimestamp((self.now_ms - float(fields.pop("ago")) * MINUTE_MS) / 1000, UTC).isoformat()
        if "voted" in fields:
            return Topic.TURNOUT, orjson.dumps({"as_of": then, **fields})
        now = datetime.fromtimestamp(self.now_ms / 1000, UTC).isoformat()
        return Topic.INCIDENTS, orjson.dumps({"occurred_at": then, "reported_at": max(now, then), **fields})

    def _apply(self, frames: Iterable[tuple[str, list[Entry]]]) -> None:
        waiting = list(frames)
        while waiting:
            key, entries = waiting.pop(0)
            self.table.apply(self._offset, key.encode(), entries)
            self._offset += 1
            drained = self.table.drain()
            self.outputs.take(drained)
            for item in drained.escalated:
                self.highest[item.code] = max(self.highest[item.code], LEVELS.index(item.level))
            for target, entry in drained.notices:
                FORM.entries(target.encode(), Frame(self._offset, orjson.dumps([entry]), self.now_ms), None)
            waiting += [(target, [entry]) for target, entry in drained.notices if self._is_delivered(target, entry)]
