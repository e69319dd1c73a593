"""A ruleset as TOML text: what the standard library reads and doesn't write."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
#: A table with one of these and a reason is a number or a choice with its reason: it stands on one line.
_STATED = ("value", "let_out")


def toml_text(tables: Mapping[str, Any]) -> str:
    """Tables, lists, text, numbers and truth values as TOML, in their order."""
    return "\n".join(_lines(tables, ())).strip() + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    own = {name: item for name, item in table.items() if not isinstance(item, Mapping) or _is_stated(item)}
    if path and (own or not table):
        yield ""
        yield f"[{'.'.join(path)}]"
    for name, item in own.items():
        yield f"{_key(name)} = {_value(item)}"
    for name, item in table.items():
        if name not in own:
            yield from _lines(item, (*path, _key(name)))


def _is_stated(item: Mapping[str, Any]) -> bool:
    return "reason" in item and any(name in item for name in _STATED)


def _value(item: Any) -> str:
    if isinstance(item, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(part)}" for name, part in item.items()) + " }"
    if isinstance(item, str):
        return json.dumps(item, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(item, bool):
        return str(item).lower()
    if isinstance(item, list | tuple):
        return f"[{', '.join(map(_value, item))}]"
    return repr(item).removesuffix(".0")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)
