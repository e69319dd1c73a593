"""When a benchmark may stop its clock: not before what waits for its time is folded."""

from benchmarks.folding import is_folded

INTAKE = """siaga_records_total{outcome="admitted",topic="incidents"} 7.0
siaga_records_total{outcome="rejected",topic="incidents"} 1.0
siaga_records_total{outcome="admitted",topic="turnout"} 2.0
"""


def page(incidents: int, turnout: int) -> str:
    return INTAKE + (
        f'siaga_ledger_entries_total{{kind="i",outcome="applied"}} {incidents - 1}.0\n'
        f'siaga_ledger_entries_total{{kind="i",outcome="duplicate"}} 1.0\n'
        f'siaga_ledger_entries_total{{kind="t",outcome="applied"}} {turnout}.0\n'
        'siaga_ledger_entries_total{kind="k",outcome="applied"} 900.0\n'
    )


def test_all_is_folded_when_every_admitted_report_is():
    assert is_folded([page(7, 2)], 10)
    assert not is_folded([page(7, 2)], 11)
    assert not is_folded([page(6, 2)], 10)
    assert not is_folded([page(7, 1)], 10)
    assert not is_folded([INTAKE], 10)


def test_workers_count_together():
    alone = 'siaga_ledger_entries_total{kind="t",outcome="applied"} 1.0\n'
    assert is_folded([page(7, 1), alone], 10)
