"""What looks like a number of a person: an Indonesian identity number (NIK) or a telephone number."""

import re

_PROVINCES = {*range(11, 20), 21, *range(31, 37), 51, 52, 53, *range(61, 66), *range(71, 77), 81, 82, *range(91, 98)}
_DIGITS = re.compile(r"[0-9]+")
#: A run of digits, with at most one dash, dot or blank between two of them.
_GROUPED = re.compile(r"[0-9]+(?:[-. ][0-9]+)*")
_NIK_DIGITS, _PHONE_LEAST, _PHONE_MOST = 16, 9, 13


def holds_personal_number(text: str) -> bool:
    """Whether a NIK or a telephone number stands anywhere in it, not as a part of a longer run of digits."""
    return any(_is_nik(run) for run in _DIGITS.findall(text)) or any(map(_holds_phone, _GROUPED.findall(text)))


def _is_nik(run: str) -> bool:
    """Province, regency, district, then day (women: 40 more), month and year of birth, and four digits."""
    if len(run) != _NIK_DIGITS:
        return False
    day, month = int(run[6:8]), int(run[8:10])
    return int(run[:2]) in _PROVINCES and 1 <= day - 40 * (day > 40) <= 31 and 1 <= month <= 12


def _holds_phone(grouped: str) -> bool:
    """Whether some of these groups are `62`, `0` or nothing, then 8 and what follows, 9 to 13 digits in all."""
    groups = re.split("[-. ]", grouped)
    for first in range(len(groups)):
        for last in range(first, len(groups)):
            digits = "".join(groups[first : last + 1])
            is_mobile = digits.startswith(("8", "08", "628"))
            if is_mobile and _PHONE_LEAST <= len(digits) <= _PHONE_MOST:
                return True
    return False
