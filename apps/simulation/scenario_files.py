"""A day as files: `incidents.jsonl` and `turnout.jsonl` for `publish` and `replay`, and `truth.json`, a scenario for
`evaluate --scenario`."""

from pathlib import Path

import orjson

from apps.simulation.day import Day
from apps.simulation.truth import rfc3339

SCHEMA = "siaga.scenario/1"


def write_day(day: Day, directory: Path, roster_file: Path | None = None) -> list[Path]:
    """Write the files of a day; returns their paths. Raises OSError.

    A line holds the message alone, as `publish` expects it, in order of arrival. The arrival times, milliseconds after
    midnight, are in `arrivals.json`."""
    directory.mkdir(parents=True, exist_ok=True)
    arrivals: dict[str, list[int]] = {}
    paths = []
    for topic in ("incidents", "turnout"):
        messages = [message for message in day.messages if message.topic == topic]
        arrivals[topic] = [message.at_ms - day.truth.start_ms for message in messages]
        path = directory / f"{topic}.jsonl"
        with path.open("wb") as file:
            file.writelines(message.value + b"\n" for message in messages)
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
