"""*Province*: for the situation room. Levels, scores, escalations, turnout, silence."""

from grafana_foundation_sdk.builders import statetimeline, table
from panels import DATA_STATUSES, LEVELS, Column, Panel, Query, grid, number, series, states

HERE = 'province=~"$province"'
# Metrics of the workers carry no province; a regency's code begins with it.
RAW = 'regency=~"($province)[.].*"'
TITLE, UID = "Siaga: Province", "siaga-province"
DESCRIPTION = (
    "The rolling risk table as the workers publish it. The last values of a worker that is down remain for 6 hours."
)


def panels() -> list[Panel]:
    """Panels in reading order."""
    return [*_numbers(), _levels(), _table(), *_curves(), _silence()]


def _numbers() -> list[Panel]:
    def at(level: int) -> Query:
        return Query(f"count(siaga:regency_level:current{{{HERE}}} == {level}) or vector(0)")

    silent = Query(f"count(siaga:regency_data_status:current{{{HERE}}} == 2) or vector(0)")
    stations = Query(
        f"sum(max by (regency) (siaga_regency_stations_reported{{{RAW}}}))"
        f" / sum(max by (regency) (siaga_regency_stations_expected{{{RAW}}}))"
    )
    turnout = Query(
        f"sum(max by (regency) (siaga_regency_voted{{{RAW}}}))"
        f" / sum(max by (regency) (siaga_regency_registered{{{RAW}}}))"
    )
    return [
        number("At awas", "none", "Regencies at the highest level now.", at(3), width=3, bad=1),
        number("At siaga", "none", "Regencies at siaga now.", at(2), width=3, warn=1),
        number("At waspada", "none", "Regencies at waspada now.", at(1), width=3),
        number(
            "Silent",
            "none",
            "Regencies without data for so long that no level can be given. Not the same as calm.",
            silent,
            width=3,
            warn=1,
        ),
        number(
            "Stations reporting",
            "percentunit",
            "Polling stations that reported turnout, of those in the roster.",
            stations,
        ),
        number(
            "Active silences",
            "none",
            "Silences in Alertmanager: what they cover reaches nobody. This dashboard shows every level in any case.",
            Query('sum(alertmanager_silences{job="alertmanager", state="active"})'),
            width=3,
            warn=1,
        ),
        number(
            "Turnout so far",
            "percentunit",
            "Voters so far, of those entitled at the stations that reported.",
            turnout,
            width=5,
        ),
    ]


def _levels() -> statetimeline.Panel:
    query = Query(f"max by (name) (siaga:regency_level:current{{{HERE}}})", "{{name}}")
    return states(
        "Level of each regency", "normal, waspada, siaga, awas over time. Each change is an escalation.", LEVELS, query
    )


def _table() -> table.Panel:
    def of(metric: str) -> str:
        return f"max by (regency, name) ({metric}{{{HERE}}})"

    def raw(metric: str) -> str:
        return f"max by (regency, name) ({metric}{{{RAW}}})"

    def ratio(part: str, whole: str) -> str:
        return f"{raw(part)} / {raw(whole)}"

    share = ratio("siaga_regency_stations_reported", "siaga_regency_stations_expected")
    turnout = ratio("siaga_regency_voted", "siaga_regency_registered")
    return grid(
        "Regencies now",
        "The table at this moment. Sort by score to see what is close to the next level. Conflicting: stations of which"
        " two agencies told different counts. Unlisted: stations that the station roster lacks. Perhaps one: pairs of"
        " incidents under two numbers, until people decide (siaga join).",
        {"regency": "Code", "name": "Regency"},
        Column("Level", of("siaga:regency_level:current"), "none", LEVELS),
        Column("Score", of("siaga:regency_score:current"), "none"),
        Column("Data", of("siaga:regency_data_status:current"), "none", DATA_STATUSES),
        Column("Stations reported", share, "percentunit"),
        Column("Turnout", turnout, "percentunit"),
        Column("Conflicting", of("siaga:regency_stations_conflicting:current"), "none"),
        Column("Unlisted", raw("siaga_regency_stations_unlisted"), "none"),
        Column("Perhaps one", raw("siaga_regency_candidate_pairs"), "none"),
    )


def _curves() -> list[Panel]:
    score = Query(f"max by (name) (siaga:regency_score:current{{{HERE}}})", "{{name}}")
    # Without $province: the counter has no regency label, which would multiply its series by 17.
    escalations = Query("sum by (change, level) (increase(siaga_escalations_total[10m]))", "{{change}} to {{level}}")
    stations = Query(f"max by (name) (siaga_regency_stations_reported{{{RAW}}})", "{{name}}")
    turnout = Query(
        f"max by (name) (siaga_regency_voted{{{RAW}}}) / max by (name) (siaga_regency_registered{{{RAW}}})", "{{name}}"
    )
    return [
        series("Score of each regency", "none", "0 to 100; the ruleset holds the thresholds of the levels.", score),
        series(
            "Escalations in 10 minutes",
            "none",
            "Published escalations by kind of change and the level reached, of all provinces whatever is selected.",
            escalations,
            stacked=True,
        ),
        series(
            "Pairs to decide",
            "none",
            "Pairs of incidents that may be one under two numbers. People join them or leave them.",
            Query(f"max by (name) (siaga_regency_candidate_pairs{{{RAW}}})", "{{name}}"),
        ),
        series(
            "Conflicting stations",
            "none",
            "Stations of which two agencies told different counts of one moment, until they agree.",
            Query(f"max by (name) (siaga_regency_stations_conflicting{{{RAW}}})", "{{name}}"),
        ),
        series("Stations reported", "none", "Polling stations that have reported turnout at least once.", stations),
        series(
            "Turnout of each regency",
            "percentunit",
            "Of those entitled at the stations that reported; can fall by corrections.",
            turnout,
        ),
    ]


def _silence() -> statetimeline.Panel:
    query = Query(f"max by (name) (siaga:regency_data_status:current{{{HERE}}})", "{{name}}")
    return states(
        "Silence",
        "live, stale or silent. Missing reports are shown, because silence does not mean calm.",
        DATA_STATUSES,
        query,
    )
