"""What is wrong with a TOML text, and on which line: the standard library's reader does not say."""

import re

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_TABLE = re.compile(r"^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-.\"']+(?:\s*\.\s*[A-Za-z0-9_\-\"']+)*)\s*=")

#: How pydantic marks an error of a table's key and not of what stands under it.
_OF_THE_KEY = "[key]"


def line_of(text: str, location: tuple[str | int, ...]) -> int:
    """Line, from 1, of the deepest part of `location` that the text has; 1 if it has none of it."""
    wanted = [str(part) for part in location]
    table: list[str] = []
    best, best_depth = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        if match := _TABLE.match(line):
            path = table = _parts(match[1])
        elif match := _KEY.match(line):
            path = table + _parts(match[1])
        else:
            continue
        depth = len(path)
        if depth > best_depth and wanted[:depth] == path:
            best, best_depth = number, depth
    return best


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def first_wrong(text: str, wrong: ValidationError, whole: str) -> str:
    """Line, field and message of the first error; one of the whole text has the field `whole`. For a missing field
    also the unknown ones of its table: one of them may be the field, misspelt.
    """
    errors = wrong.errors(include_url=False, include_input=False)
    first = errors[0]
    location = first["loc"]
    unknown = [
        f"; line {line_of(text, error['loc'])}, {_dotted(error['loc'])}: not known"
        for error in errors
        if first["type"] == "missing" and error["type"] == "extra_forbidden" and error["loc"][:-1] == location[:-1]
    ]
    return _sentence(text, first, whole) + "".join(unknown)


def every_wrong(text: str, wrong: ValidationError, whole: str) -> list[str]:
    """Line, field and message of every error."""
    return [_sentence(text, error, whole) for error in wrong.errors(include_url=False, include_input=False)]


def _sentence(text: str, error: ErrorDetails, whole: str) -> str:
    location, message = error["loc"], error["msg"].removeprefix("Value error, ").splitlines()[0]
    # Checks across fields and tables begin with the field that is wrong.
    line = line_of(text, (*location, *message.split()[0].split(".")))
    return f"line {line}, {_dotted(location) or whole}: {message}"


def _dotted(location: tuple[str | int, ...]) -> str:
    parts = (str(part) for part in location if part != _OF_THE_KEY)
    return ".".join(part if part.isprintable() else repr(part) for part in parts)
