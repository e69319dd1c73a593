"""What a calibration changes, as lines of text: old and new numbers, intervals, and the reports that tell them."""

from collections.abc import Callable, Iterator, Mapping

from apps.calibration.calibrated import rounded
from apps.calibration.estimates import FEW, UNLIKE, Estimates, Numbers
from schemas.ruleset import Ruleset

HEAD = "| number | old | new | 90 % | reports |\n|---|---|---|---|---|"


def lines(found: Estimates, base: Ruleset, new: Ruleset) -> Iterator[str]:
    """What was counted, a row for each number that changes, and which are kept."""
    yield f"{base.id} -> {new.id}"
    yield (
        f"{found.days} {'election' if found.is_election_day else 'campaign'} days from {found.first} to {found.last}, "
        f"{found.regency_days} regency-days, {found.reports} reports, {found.dispersion:.2g} times as dispersed as "
        "Poisson's"
    )
    if not found.is_election_day:
        ratio = found.ratio.posterior
        yield (
            f"a day of these has {ratio.value:.1%} of the reports of an election day (90 %: {ratio.low:.1%} to "
            f"{ratio.high:.1%})"
        )
    yield HEAD
    for kind, numbers, shown in _kinds(found):
        for category, item in numbers.items():
            if not item.kept:
                yield _row(f"{kind} of {category}", item, shown)
    why = {
        FEW: f"fewer than {base.calibration.reports_least.value:g} reports tell them",
        UNLIKE: "their reports before election day are not like the others'",
    }
    for kind, numbers, _ in _kinds(found):
        for reason, said in why.items():
            if kept := [category for category, item in numbers.items() if item.kept == reason]:
                yield f"kept, {said}: {kind} of {', '.join(kept)}"


def _kinds(found: Estimates) -> list[tuple[str, Mapping[str, Numbers], Callable[[float], str]]]:
    return [
        ("rate per 1000 stations and day", found.rates, lambda value: f"{rounded(value):g}"),
        ("severities 1 to 5, %,", found.mixes, lambda value: f"{100 * value:.0f}"),
        ("hours, %,", found.hours, lambda value: f"{100 * value:.0f}"),
    ]


def _row(name: str, item: Numbers, shown: Callable[[float], str]) -> str:
    old = " ".join(map(shown, item.before))
    new = " ".join(shown(after.value) for after in item.after)
    joint = " to " if len(item.after) == 1 else "-"
    span = " ".join(f"{shown(after.low)}{joint}{shown(after.high)}" for after in item.after)
    return f"| {name} | {old} | {new} | {span} | {item.reports:.0f} |"
