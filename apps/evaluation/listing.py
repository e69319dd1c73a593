"""Every flare-up and every raise of a score, one by one, as JSON."""

from collections.abc import Mapping
from typing import Any

from apps.evaluation.report import DetectorResult, as_json
from apps.evaluation.scoring import Detection, DetectorScore, JudgedRaise
from apps.simulation.truth import rfc3339


def listed_json(results: Mapping[str, DetectorResult]) -> dict[str, dict[str, Any]]:
    """The figures of every detector by name, as `as_json`, with its `each_flareup` and `each_raise`."""
    figures = as_json(results)
    return {name: figures[name] | listing(result.score) for name, result in results.items()}


def listing(score: DetectorScore) -> dict[str, list[dict[str, Any]]]:
    """`each_flareup` and `each_raise` of a score. Times are RFC 3339 in UTC; `day` is the day's seed."""
    return {
        "each_flareup": [_flareup(item) for item in score.detections],
        "each_raise": [_raise(item) for item in score.judged],
    }


def _flareup(item: Detection) -> dict[str, Any]:
    flareup = item.flareup
    return {
        "day": item.seed,
        "id": flareup.id,
        "regency": flareup.regency,
        "onset": rfc3339(flareup.onset_ms),
        "end": rfc3339(flareup.end_ms),
        "size": flareup.size,
        "reported": flareup.reported,
        "band": flareup.band,
        "kind": flareup.kind,
        "detected": item.delay_min is not None,
        "delay_min": None if item.delay_min is None else round(item.delay_min, 1),
        "already": item.already,
    }


def _raise(judged: JudgedRaise) -> dict[str, Any]:
    return {
        "day": judged.seed,
        "regency": judged.item.regency,
        "at": rfc3339(judged.item.at_ms),
        "verdict": judged.verdict,
        "of": judged.of,
    }
