"""A day as files: `incidents.jsonl` and `turnout.jsonl` for `publish` and `replay`, `truth.json` for `evaluate
--scenario`.
"""

from pathlib import Path

import orjson

from apps.simulation.day import Day
from apps.simulation.messages import Message
from apps.simulation.truth import rfc3339

SCHEMA = "siaga.scenario/1"


def write_day(day: Day, directory: Path, roster_file: Path | None = None) -> list[Path]:
    """Write the files in order of arrival. Raises OSError.

    A line is the message alone, as `publish` wants it; the arrival times, milliseconds after midnight, are in
    `arrivals.json`."""
    directory.mkdir(parents=True, exist_ok=True)
    arrivals: dict[str, list[int]] = {}
    paths = []
    for topic in ("incidents", "turnout"):
        told = [message for message in day.messages if message.topic == topic]
        arrivals[topic] = [message.at_ms - day.truth.start_ms for message in told]
        path = directory / f"{topic}.jsonl"
        with path.open("wb") as file:
            file.writelines(value_of(message) + b"\n" for message in told)
        paths.append(path)
    (directory / "arrivals.json").write_bytes(orjson.dumps(arrivals))
    truth = day.truth.as_json(day.plan.offset_min)
    scenario = {
        "schema": SCHEMA,
        "roster": str(roster_file.resolve()) if roster_file else None,
        "days": [
            {
                "start": rfc3339(day.truth.start_ms, day.plan.offset_min),
                "incidents": "incidents.jsonl",
                "turnout": "turnout.jsonl",
                "arrivals": "arrivals.json",
                "truth": {"flareups": truth["flareups"], "others": truth["others"]},
                "seed": day.plan.seed,
            }
        ],
    }
    path = directory / "truth.json"
    path.write_bytes(orjson.dumps(scenario, option=orjson.OPT_INDENT_2))
    return [*paths, directory / "arrivals.json", path]


def value_of(message: Message) -> bytes:
    """The message as it goes onto its topic."""
    return orjson.dumps(message.body)
