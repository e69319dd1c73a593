"""The days of the campaign before an election day, of the same rates, hours, severities, sources and habits."""

from dataclasses import replace
from datetime import timedelta

from apps.simulation.plan import Plan

PER_DAY, HOAX_CHANCE = 0.2, 0.1  # flare-ups and hoax waves of a campaign day (assumed)
DAYS_OF_A_SEED = 1000  # so many seeds are kept for the days of one campaign


def campaign_days(election: Plan, days: int) -> list[Plan]:
    """The days before the election day of a plan, in order. A plan without a campaign is the election day of the one
    that its seed gives."""
    return [
        replace(
            election,
            seed=(election.lasting_seed + 1) * DAYS_OF_A_SEED + before,
            campaign=election.lasting_seed,
            is_campaign=True,
            day=election.day - timedelta(days=before),
            per_day=PER_DAY,
            hoax_chance=HOAX_CHANCE,
        )
        for before in range(days, 0, -1)
    ]
