"""What somebody who may write the input topics can do to everybody else, by malice or by a bug in a loop.

Each message is one that a publisher may send; those from the future are rejected. Of bytes that are no message
`poison` has more, of batches that inflate `inflating`.
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence

from tests.chaos.traffic import Message, incident, turnout
from tests.recount.sample_traffic import VOICES, Voices

#: Not in the packaged sources file: an agency of its own.
ALONE = ("pantau-9",)
#: Two systems of one agency.
TOGETHER = ("sirekap", "kpu-sumsel")
LAST_REVISION = 2**53 - 1
INVENTED = (
    "clash",
    "intimidation",
    "money_politics",
    "disinformation",
    "logistics",
    "data_integrity",
    "natural_hazard",
)
TRIFLES = ("administration", "logistics", "intimidation", "money_politics")


class Hostile:
    """Endless messages in bursts, each burst of one kind and about one regency. The same decisions for the same seed.

    `others`: traffic whose ids and numbers it uses, and which sometimes confirms what it says.
    """

    def __init__(
        self,
        seed: int,
        codes: Sequence[str],
        others: Voices,
        sources: Sequence[str] = ALONE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rnd = random.Random(f"hostile-{seed}")
        self._codes, self._others, self._sources, self._clock = list(codes), others, sources, clock
        self._count = 0
        self._burst: Iterator[Message] = iter(())

    def next(self) -> Message:
        while (message := next(self._burst, None)) is None:
            kinds = (
                self._flood, self._graves, self._stations, self._drills, self._locks, self._trifles, self._again,
                self._ahead, self._padded,
            )  # fmt: skip
            self._burst = self._rnd.choice(kinds)(self._rnd.choice(self._codes), self._rnd.randrange(5, 40))
        self._count += 1
        return message

    def _id(self) -> str:
        return f"h-{self._count}"

    def _said(self, code: str, **changes: object) -> dict[str, object]:
        rnd = self._rnd
        return {
            "regency": code,
            "source": rnd.choice(self._sources),
            "incident_id": f"h/{self._count}",
            "village": f"{code}.01.100{rnd.randrange(1, 4)}",
            "category": "protest",
            "severity": 1,
        } | changes

    def _flood(self, code: str, count: int) -> Iterator[Message]:
        """Serious incidents of all kinds, one of which somebody else now and then believes."""
        for _ in range(count):
            said = self._said(code, category=self._rnd.choice(INVENTED), severity=self._rnd.choice((2, 3, 3, 3)))
            yield self._incident(said, self._clock() - self._rnd.expovariate(1 / 300))

    def _graves(self, code: str, count: int) -> Iterator[Message]:
        for _ in range(count):
            severity = self._rnd.choice((4, 4, 4, 4, 5))
            said = self._said(code, category="fatality" if severity == 5 else "clash", severity=severity)
            yield self._incident(said, self._clock() - self._rnd.expovariate(1 / 600))

    def _incident(self, said: dict[str, object], at_s: float) -> Message:
        if self._rnd.random() < 0.05:
            self._others.hear(said, at_s)
        regency = str(said["regency"])
        value = incident(self._id(), at_s=at_s, **(said | {"regency": regency}))
        return Message("incidents", regency.encode(), value)

    def _stations(self, code: str, count: int) -> Iterator[Message]:
        """Stations that nobody has, in which more have voted than can."""
        for _ in range(count):
            said = {"registered": 1, "voted": 100_000, "source": self._rnd.choice(self._sources)}
            station = f"TPS {900 + self._rnd.randrange(90)}"
            yield Message(
                "turnout", code.encode(), turnout(self._id(), code, self._clock() - 30, station=station, **said)
            )

    def _drills(self, code: str, count: int) -> Iterator[Message]:
        """Drills, and figures, under the ids of messages that others are going to send."""
        for _ in range(count):
            source = self._rnd.choice(VOICES)
            coming = self._others.coming_id(source, self._rnd.randrange(1, 20))
            if self._rnd.random() < 0.3:
                own = self._rnd.choice(self._sources)
                yield Message("turnout", code.encode(), turnout(coming, code, self._clock() - 5, source=own))
            else:
                said = self._said(code, source=source, is_exercise=True)
                yield Message("incidents", code.encode(), incident(coming, at_s=self._clock() - 5, **said))

    def _locks(self, code: str, count: int) -> Iterator[Message]:
        """The last revision there is, of others' incidents taken back and of stations counted ahead of time."""
        for _ in range(count):
            own = self._rnd.choice(self._sources)
            told = self._others.lately(code)
            if told is not None and self._rnd.random() < 0.6:
                said, at_s = told
                changes = {"origin": said["source"], "source": own, "revision": LAST_REVISION, "status": "retracted"}
                value = incident(self._id(), at_s=at_s, **(said | changes | {"regency": code}))
                yield Message("incidents", code.encode(), value)
            else:
                ahead = {"revision": LAST_REVISION, "source": own, "station": f"tps {self._rnd.randrange(300)}"}
                yield Message("turnout", code.encode(), turnout(self._id(), code, self._clock() + 240, **ahead))

    def _trifles(self, code: str, count: int) -> Iterator[Message]:
        """Minor reports of hours ago, which would make many reports look ordinary."""
        for _ in range(3 * count):
            said = self._said(code, category=self._rnd.choice(TRIFLES), severity=1)
            yield self._incident(said, self._clock() - self._rnd.uniform(6, 21) * 3600)

    def _again(self, code: str, count: int) -> Iterator[Message]:
        """One protest, told once and taken back for ever; now and then told again."""
        said, at_s = self._said(code), self._clock() - 60
        for revision in range(1, count + 1):
            status = "reported" if revision == 1 or self._rnd.random() < 0.1 else "retracted"
            value = incident(
                self._id(), at_s=at_s, **(said | {"regency": code, "revision": revision, "status": status})
            )
            yield Message("incidents", code.encode(), value)

    def _ahead(self, code: str, count: int) -> Iterator[Message]:
        """One message from a time to come."""
        at_s = self._clock() + self._rnd.choice((1800, 86_400))
        message = json.loads(incident(self._id(), at_s=at_s, **self._said(code)))
        if count % 2:
            message |= {"occurred_at": "9999-12-31T00:00:00Z", "reported_at": "9999-12-31T00:00:00Z"}
        yield Message("incidents", code.encode(), json.dumps(message).encode())

    def _padded(self, code: str, count: int) -> Iterator[Message]:
        """Small reports with large headers of zeros: a batch of them inflates to many times of what was sent."""
        for _ in range(count):
            message = self._incident(self._said(code, severity=2), self._clock() - 30)
            yield message._replace(headers=tuple((f"x-{n}", bytes(3000)) for n in range(3)))
