"""What looks like a number of a person: an Indonesian identity number (NIK) or a telephone number.

Read group by group: digits that a sign, bracket or blank joins are one run of groups.
"""

import re
from collections.abc import Iterator

_PROVINCES = {*range(11, 20), 21, *range(31, 37), 51, 52, 53, *range(61, 66), *range(71, 77), 81, 82, *range(91, 98)}
_SIGNS = re.escape("-._()\t \u00a0\u202f\u3000") + "\u2000-\u200a"
_JOINT = re.compile(f"[{_SIGNS}]+")
_RUN = re.compile(f"[0-9]+(?:[{_SIGNS}]+[0-9]+)*")
_FROM_ABROAD = re.compile(rf"\+62[{_SIGNS}]*0?([0-9]+(?:[{_SIGNS}]*[0-9]+)*)")
_UUID = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
_HEXADECIMAL = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{16,}(?![0-9A-Za-z])")
_MOMENT = re.compile(
    r"(?<![0-9])(?:19|20)\d\d[-./]?(?:0[1-9]|1[0-2])[-./]?(?:0[1-9]|[12]\d|3[01])[-._/:Tt ]"
    r"(?:[01]\d|2[0-3])[-.:]?[0-5]\d(?:[-.:]?[0-5]\d(?:[.,]?\d{1,9})?)?(?![0-9])",
    re.ASCII,
)
_NIK_DIGITS, _LETTERS_OF_HEXADECIMAL = 16, 3


def holds_personal_number(text: str) -> bool:
    """Whether a NIK or a telephone number stands in it. UUIDs, hexadecimal texts and moments hold none."""
    text = _MOMENT.sub("9", _HEXADECIMAL.sub(_unless_number, _UUID.sub("9", text)))
    runs = [_JOINT.split(run) for run in _RUN.findall(text)]
    if any(_is_nik(group) or _is_mobile(group) for groups in runs for group in groups):
        return True
    if any(_is_grouped(first, rest, has_prefix) for groups in runs for first, rest, has_prefix in _written(groups)):
        return True
    return any(8 <= len("".join(_JOINT.split(found))) <= 12 for found in _FROM_ABROAD.findall(text))


def _unless_number(found: re.Match[str]) -> str:
    letters = sum(not character.isdigit() for character in found[0])
    return "9" if letters >= _LETTERS_OF_HEXADECIMAL else found[0]


def _is_nik(group: str) -> bool:
    """Province, regency, district, then day (women: 40 more), month and year of birth, and four digits."""
    if len(group) != _NIK_DIGITS:
        return False
    day, month = int(group[6:8]), int(group[8:10])
    return int(group[:2]) in _PROVINCES and 1 <= day - 40 * (day > 40) <= 31 and 1 <= month <= 12


def _begins_mobile(digits: str) -> bool:
    return digits[:1] == "8" and digits[1:2] not in ("", "0", "4")


def _is_mobile(group: str) -> bool:
    """In one piece: 9 to 12 digits behind `62` or `620`, 10 to 12 behind `0`."""
    return any(
        group.startswith(prefix)
        and _begins_mobile(group.removeprefix(prefix))
        and least <= len(group) - len(prefix) <= 12
        for prefix, least in (("620", 9), ("62", 9), ("0", 10))
    )


def _written(groups: list[str]) -> Iterator[tuple[str, list[str], bool]]:
    """Ways to read a run of groups as a number: its first group, the rest, and whether a prefix stood before."""
    first, *rest = groups
    if len(first) == 3 and rest:
        yield first, rest, False
    for prefix in ("620", "62", "0"):
        if first.startswith(prefix) and first != prefix and rest:
            yield first.removeprefix(prefix), rest, True
        elif first == prefix and rest:
            yield rest[0], rest[1:], True
            if prefix == "62" and rest[0] == "0" and len(rest) > 1:
                yield rest[1], rest[2:], True
            elif prefix == "62" and rest[0].startswith("0"):
                yield rest[0][1:], rest[1:], True


def _is_grouped(first: str, rest: list[str], has_prefix: bool) -> bool:
    """Two or three digits and then groups of 2 to 8, or one piece behind its prefix; 9 to 12 digits, 10 without one."""
    count = len(first) + sum(map(len, rest))
    if not _begins_mobile(first) or not (9 if has_prefix else 10) <= count <= 12:
        return False
    return not rest or (len(first) in (2, 3) and all(2 <= len(group) <= 8 for group in rest))
