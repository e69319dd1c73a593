"""On which line of a TOML text a field stands: the standard library's reader does not say."""

import re

_TABLE = re.compile(r"^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-.\"']+(?:\s*\.\s*[A-Za-z0-9_\-\"']+)*)\s*=")


def line_of(text: str, location: tuple[str | int, ...]) -> int:
    """Line, from 1, of the deepest part of `location` that the text has; 1 when it has none of it."""
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
