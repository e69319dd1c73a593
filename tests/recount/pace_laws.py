"""Part of law B: each regency has told its province how many reports come, and each province its members, once, at its
time and with the recount's numbers."""

import json
from collections.abc import Iterator
from typing import Any

from tests.recount.comparison import Comparison
from tests.recount.ledger import Entry
from tests.recount.pace import Told
from tests.recount.policy import GROUPS

#: Who was told by whom and when.
_Told = tuple[str, str, int]


def pace_faults(entries: list[Entry], compared: dict[str, Comparison]) -> Iterator[str]:
    """Of `c` and `p` entries by those compared. The entries themselves are what their receivers are judged by."""
    want: dict[_Told, Told] = {}
    for code, comparison in compared.items():
        want |= {(target, code, told.at_ms): told for target, told in comparison.told}
    found: set[_Told] = set()
    for entry in entries:
        f = entry.fields
        if f[0] not in ("c", "p") or f[2] not in compared:
            continue
        key = entry.key, f[2], f[1]
        what = f"{entry.key} was told {f} by {f[2]}"
        if key not in want or want[key].fields[0] != f[0]:
            yield f"spurious: {what}, which was not due"
        elif key in found:
            yield f"doubled: {what}"
        elif differs(f, want[key]):
            yield f"wrong: {what}, recounted {want[key].fields}"
        found.add(key)
    for target, code, at_ms in want.keys() - found:
        yield f"lost: {target} was not told {want[target, code, at_ms].fields} by {code}"


def differs(got: list[Any], want: Told) -> bool:
    """Whether a number is off by more than its rounding, a category or an agency out of order, or anything else not as
    wanted."""
    *head, counts, past = want.fields
    if got[:-2] != head or len(got[-1]) != len(past):
        return True
    pairs = [*zip(GROUPS, got[-1], past, strict=True)]
    if head[0] == "c":
        if json.dumps(got[-2]) != json.dumps(counts):
            return True
    else:
        if list(got[-2]) != [category for category in want.slack if got[-2].get(category)]:
            return True
        pairs += [(name, got[-2].get(name, 0), counts.get(name, 0)) for name in got[-2] | counts]
    return any(abs(one - other) > want.slack[name] for name, one, other in pairs)
