"""Whether everything is folded, from the workers' counters.

Committed offsets do not show it: with the event clock a ledger record that was read may still wait for its time.
"""

import asyncio
import re

from benchmarks.system import System

_COUNTED = "siaga_records_total", "siaga_ledger_entries_total"
_RECORDS = re.compile(r'^siaga_records_total\{outcome="(admitted|rejected)",.*\} (\S+)$', re.MULTILINE)
_ENTRIES = re.compile(r'^siaga_ledger_entries_total\{kind="[it]",.*\} (\S+)$', re.MULTILINE)


def is_folded(pages: list[str], count: int) -> bool:
    """Whether `count` input records were read and every admitted one is folded.

    `pages` are the metrics of all workers, none of which restarted.
    """
    taken = [(outcome, float(number)) for page in pages for outcome, number in _RECORDS.findall(page)]
    entries = sum(float(number) for page in pages for number in _ENTRIES.findall(page))
    admitted = sum(number for outcome, number in taken if outcome == "admitted")
    return sum(number for _, number in taken) >= count and entries >= admitted


async def until_folded(system: System, count: int, every_s: float = 0.1) -> None:
    """Wait until the running workers have folded `count` records."""
    while True:
        try:
            if is_folded([system.metrics(number, *_COUNTED) for number in system.workers], count):
                return
        except OSError:  # too busy to answer
            pass
        await asyncio.sleep(every_s)
