"""*Publishers*: whether the records of each source arrive, in time and valid."""

from grafana_foundation_sdk.builders import table
from panels import Column, Panel, Query, grid, number, series

TITLE, UID = "Siaga: Publishers", "siaga-publishers"
DESCRIPTION = (
    "One line for each publishing system, by its own name for itself. A rejected record's source cannot be trusted,"
    " so rejects are by topic and reason."
)
OF = 'source=~"$source"'


def panels() -> list[Panel]:
    """Panels in reading order."""
    return [*_numbers(), _table(), *_curves()]


def _numbers() -> list[Panel]:
    newest = Query("min(time() - siaga:source_last_record_timestamp_seconds:max)")
    rejected = Query('sum(siaga:records:rate5m{outcome="rejected"}) / sum(siaga:records:rate5m)')
    return [
        number(
            "Sources known",
            "none",
            "Sources with a record within the last 12 hours.",
            Query("count(siaga:source_last_record_timestamp_seconds:max)"),
            width=6,
        ),
        number(
            "Since the last record",
            "s",
            "Of any source. No input does not mean calm.",
            newest,
            width=6,
            warn=120,
            bad=300,
        ),
        number(
            "Admitted",
            "recps",
            "All sources together, over 5 minutes.",
            Query('sum(siaga:records:rate5m{outcome="admitted"})'),
            width=6,
        ),
        number(
            "Rejected share", "percentunit", "Of all records, over 5 minutes.", rejected, width=6, warn=0.01, bad=0.05
        ),
    ]


def _table() -> table.Panel:
    return grid(
        "Sources now",
        "Rate over 5 minutes, time since the last record, and how old that record's event was on arrival.",
        {"source": "Source"},
        Column("Rate", f"sum by (source) (rate(siaga_source_records_total{{{OF}}}[5m]))", "recps"),
        Column("Silent for", f"time() - max by (source) (siaga:source_last_record_timestamp_seconds:max{{{OF}}})", "s"),
        Column("Delay", f"min by (source) (siaga_source_event_delay_seconds{{{OF}}})", "s"),
    )


def _curves() -> list[Panel]:
    rate = Query(f"sum by (source) (rate(siaga_source_records_total{{{OF}}}[$__rate_interval]))", "{{source}}")
    delay = Query(f"min by (source) (siaga_source_event_delay_seconds{{{OF}}})", "{{source}}")
    silence = Query(f"time() - siaga:source_last_record_timestamp_seconds:max{{{OF}}}", "{{source}}")
    reasons = Query("sum by (topic, reason) (rate(siaga_rejected_total[$__rate_interval]))", "{{topic}} {{reason}}")
    ratio = Query("siaga:rejected:ratio5m", "{{topic}}")
    uncounted = Query(
        'sum by (kind, outcome) (rate(siaga_ledger_entries_total{outcome!="applied"}[$__rate_interval]))',
        "{{kind}} {{outcome}}",
    )
    return [
        series("Records by source", "recps", "Admitted records of each source.", rate, stacked=True),
        series("Delay by source", "s", "The clock minus the event time of the source's last record.", delay),
        series(
            "Silence by source",
            "s",
            "Time since the source's last admitted record; falls to 0 with each.",
            silence,
            width=24,
        ),
        series(
            "Rejected by reason",
            "recps",
            "Records that violate the contract, by topic and reason.",
            reasons,
            stacked=True,
        ),
        series("Rejected share by topic", "percentunit", "Over 5 minutes; alerts above 5 %.", ratio),
        series(
            "Admitted and not counted",
            "recps",
            "Incidents (i), turnout (t) and joins (j) by outcome. id_reused: a publisher uses an event id again.",
            uncounted,
            width=24,
        ),
    ]
