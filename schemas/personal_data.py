"""What looks like a person's number in an id or a station: a NIK or an Indonesian telephone number.

A NIK (nomor induk kependudukan) has 16 digits in one piece: the code of a province, four digits of regency and
district, the date of birth (a woman's day plus 40) and four more. A telephone number is

* a mobile number: the prefix `+62`, `62` or `0`, then `8`, a digit other than 0 and 4, and 7 to 10 digits (the national
  numbering plan as libphonenumber's metadata has it: `8[1-35-9]`, 9 to 12 digits). Either in one piece, after a `0`
  with at least 10 digits, because ten digits that begin with 08 are as often a counter; or in groups as numbers are
  written: two or three digits after the prefix, then groups of 2 to 8, without a prefix at least 10 digits;
* any number of 8 to 12 digits after `+62`: fixed lines too. Without that their area codes are also times of day and
  counters (0711 is Palembang, and eleven past seven), so they pass.

Groups are joined by `-`, `.`, `_`, brackets and blanks. What is surely something else passes: a longer run of digits,
UUIDs and other hexadecimal texts, and the time of day after a date.

The search costs a microsecond, so the hot path has two patterns for pydantic-core (`ID_WITHOUT`, `STATION_WITHOUT`):
no text that they accept holds what `found_in` finds. They look at groups of digits alone, and accept most texts.
"""

import re

NIK = "a NIK"
TELEPHONE = "a telephone number"

_JOINTS = r"-._()\t \u00a0\u2000-\u200a\u202f\u3000"  # also the blanks of Unicode
_JOINT = f"[{_JOINTS}]"
_MOBILE = "8[1-35-9]"
_PROVINCE = "(?:1[1-9]|21|3[1-6]|5[1-3]|6[1-5]|7[1-6]|8[12]|9[1-7])"
_BIRTH = "(?:[04][1-9]|[1256][0-9]|[37][01])(?:0[1-9]|1[0-2])[0-9]{2}"  # day or day + 40, month, year
_NIK = re.compile(f"(?<![0-9]){_PROVINCE}[0-9]{{4}}{_BIRTH}[0-9]{{4}}(?![0-9])")
_IN_ONE_PIECE = re.compile(rf"(?<![0-9])(?:620?{_MOBILE}[0-9]{{7,10}}|0{_MOBILE}[0-9]{{8,10}})(?![0-9])")
_IN_GROUPS = re.compile(
    rf"(?<![0-9{_JOINTS}]){_JOINT}*"  # the start of a run of groups
    rf"(?P<prefix>62{_JOINT}*0?{_JOINT}*|0{_JOINT}*|(?=8[0-9][0-9]{_JOINT}))"
    rf"(?P<number>{_MOBILE}(?:[0-9]?(?:{_JOINT}+[0-9]{{2,8}})+|[0-9]{{7,10}}))(?!{_JOINT}*[0-9])"
)
_AFTER_PLUS_62 = re.compile(rf"\+62{_JOINT}*0?(?P<number>[0-9](?:{_JOINT}*[0-9])*)")
# A digit takes the place of these, so that what is beside one is still part of a run.
_SURELY_OTHER = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"  # UUID
    r"|(?=(?:[0-9]*[A-Fa-f]){3})[0-9A-Fa-f]{16,}"  # other hexadecimal texts
    r")(?![0-9A-Za-z])"
    r"|(?<![0-9])(?:19|20)[0-9]{2}[-./]?(?:0[1-9]|1[0-2])[-./]?(?:0[1-9]|[12][0-9]|3[01])[-._/:Tt ]"
    r"(?:[01][0-9]|2[0-3])[-.:]?[0-5][0-9](?:[-.:]?[0-5][0-9](?:[.,]?[0-9]{1,9})?)?(?![0-9])"  # date and time
)

# By its first two digits no number of a person, if it has more than one digit.
_HARMLESS_START = "(?:0[0-79]|6[013-9]|8[04])"
# A group that is no number in one piece, by its length or start.
_GROUP = (
    f"(?:[0-9]{{1,9}}|[1-579][0-9]{{9,14}}|{_HARMLESS_START}[0-9]{{8,13}}|8[0-9]{{9}}|8[0-9]{{12,14}}|[0-9]{{17,}})"
)
# A group that starts no number in groups: those have two or three digits after the prefix.
_FIRST_GROUP = (
    f"(?:[1-579][0-9]{{0,14}}|{_HARMLESS_START}[0-9]{{0,13}}|08[0-9]{{3,7}}|8[0-9]?|8[0-9]{{3,8}}|[0-9]{{17,}})"
)


def _without(joint: str, other: str) -> str:
    """The pattern; `joint` and `other` are classes of characters that together hold all but the digits."""
    run = f"(?:[0-9](?:{joint}*[0-9]){{0,7}}|{_GROUP}|{_FIRST_GROUP}(?:{joint}+{_GROUP})*)"
    apart = f"{joint}*{other}(?:{joint}|{other})*"
    outer = f"(?:{joint}|{other})*"
    return f"^{outer}(?:{run}(?:{apart}{run})*{outer})?$"


#: Printable ASCII without blanks, as an id is.
ID_WITHOUT = _without("[-._()]", "[!-'*-,/:-^`-~]")
#: Any text.
STATION_WITHOUT = _without(_JOINT, f"[^0-9{_JOINTS}]")


def found_in(text: str) -> str | None:
    """`a NIK` or `a telephone number` if the text holds what looks like one."""
    text = _SURELY_OTHER.sub("9", text)
    if _NIK.search(text):
        return NIK
    if _IN_ONE_PIECE.search(text):
        return TELEPHONE
    for found in _IN_GROUPS.finditer(text):
        if found["prefix"] and (found["prefix"] + found["number"]).isdigit():
            continue  # in one piece
        if (9 if found["prefix"] else 10) <= _digits(found["number"]) <= 12:
            return TELEPHONE
    if any(8 <= _digits(found["number"]) <= 12 for found in _AFTER_PLUS_62.finditer(text)):
        return TELEPHONE
    return None


def _digits(text: str) -> int:
    return sum(character.isdigit() for character in text)
