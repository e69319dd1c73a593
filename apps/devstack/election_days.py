"""The sequence of simulated election days. Data survives a restart, and a repeated day would be all duplicates."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from apps.devstack.run_directory import UpError

FIRST_DAY = date(2024, 11, 27)  # the Pilkada of the packaged roster
START_MIN = 6 * 60 + 30  # local time at which a day starts, minutes after midnight
_LAST_START_MIN = 23 * 60 + 59


@dataclass(frozen=True)
class SimulatedDay:
    """The `number`-th day of this data, from 0. A `staged` day has flare-ups within its first minute."""

    number: int
    staged: bool

    @property
    def date(self) -> date:
        return FIRST_DAY + timedelta(self.number)

    def arguments(self, speed: float, elapsed_s: float = 0.0) -> list[str]:
        """Arguments of `siaga simulate`; `elapsed_s` is for how long this day has already been simulated."""
        start = min(START_MIN + int(elapsed_s * speed / 60), _LAST_START_MIN)
        return [
            "simulate",
            *("--date", self.date.isoformat()),
            *("--seed", str(1 + self.number)),
            *("--start", f"{start // 60:02d}:{start % 60:02d}"),
            *("--speed", f"{speed:g}"),
            *("--flareups", "demo" if self.staged else "chance"),
        ]


def take_day(path: Path, staged: bool) -> SimulatedDay:
    """The next day that this data does not hold; it counts as used from now on. Raises UpError."""
    try:
        number = int(json.loads(path.read_text(encoding="ascii"))["next"]) if path.exists() else 0
        path.write_text(json.dumps({"next": number + 1}), encoding="ascii")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UpError(f"{path} cannot be used ({error}); --fresh starts over") from None
    return SimulatedDay(number, staged)
