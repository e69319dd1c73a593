"""The columns of a header that a mapping names, and the fields of a record by them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from typing import Any

from apps.conversion.cells import CellError, check_encoding, flag, folded, id_part, moment, shown, whole_number, word
from apps.conversion.mapping import CsvMapping, FieldMapping
from apps.conversion.targets import Form, is_id

_SHOWN_COLUMNS = 20


class HeaderError(Exception):
    """A header that lacks a column, or has it twice. One line."""


@dataclass(frozen=True)
class _Field:
    """A field that is made of cells. `parts` is its template: text and the position of a cell in turn."""

    name: str
    label: str
    parts: Sequence[str | int]
    makes_id: bool
    is_required: bool
    reads_empty: bool
    read: Callable[[str], Any]

    def value(self, cells: Sequence[str]) -> Any:
        """The field's value, None if it is left out. Raises CellError."""
        given = [cells[part] for part in self.parts if isinstance(part, int)]
        check_encoding("".join(given))
        is_empty = not any(given) if self.makes_id else not all(given)
        if is_empty and self.reads_empty:
            return self.read("")
        if is_empty and self.is_required:
            raise CellError("is empty")
        if is_empty:
            return None
        written = id_part if self.makes_id else str
        return self.read("".join(part if isinstance(part, str) else written(cells[part]) for part in self.parts))


class Columns:
    """Reads the records below one header. `unknown` names its columns that the mapping neither reads nor ignores."""

    def __init__(self, header: Sequence[str], mapping: CsvMapping, offset: tzinfo | None) -> None:
        """Raises HeaderError. `offset` is that of times which name none."""
        self.width = len(header)
        positions = _positions(header, mapping.columns)
        self.unknown = _unknown(header, mapping)
        self._order = list(mapping.fields)
        self._constants = {name: field.value for name, field in mapping.fields.items() if field.value is not None}
        self._fields = [
            _Field(
                name,
                _label(name, field),
                _placed(field, positions),
                makes_id=field.template is not None and is_id(name),
                is_required=mapping.target.fields[name].is_required(),
                reads_empty="" in (field.words or {}),
                read=_reader(mapping, name, offset),
            )
            for name, field in mapping.fields.items()
            if field.columns
        ]

    def read(self, cells: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
        """The fields of a record, and what is wrong with it: a line for each field, empty if nothing is."""
        fields: dict[str, Any] = dict(self._constants)
        wrong: list[str] = []
        for field in self._fields:
            try:
                value = field.value(cells)
            except CellError as error:
                wrong.append(f"{field.label}: {error}")
                continue
            if value is not None:
                fields[field.name] = value
        return {name: fields[name] for name in self._order if name in fields}, wrong

    def label(self, name: str) -> str:
        """A field's name with its columns, for a report."""
        return next((field.label for field in self._fields if field.name == name), name)


def count_columns(cells: Sequence[str], mapping: CsvMapping) -> int:
    """How many columns of the mapping a record names; a header names them all."""
    given = set(map(folded, cells))
    return sum(folded(name) in given for name in mapping.columns)


def _positions(header: Sequence[str], wanted: Sequence[str]) -> Mapping[str, int]:
    names = [folded(name) for name in header]
    for column in wanted:
        count = names.count(folded(column))
        if count > 1:
            raise HeaderError(f"the column {shown(column)} is there {count} times")
        if count == 0:
            try:
                check_encoding("".join(header))
            except CellError as error:
                raise HeaderError(f"the header {error}") from None
            others = ", ".join(shown(name) for name in header[:_SHOWN_COLUMNS])
            raise HeaderError(f"the column {shown(column)} is missing; the header has {others or 'none'}")
    return {column: names.index(folded(column)) for column in wanted}


def _unknown(header: Sequence[str], mapping: CsvMapping) -> list[str]:
    known = set(map(folded, [*mapping.columns, *mapping.ignore]))
    return [
        shown(name) if name else f"column {number} (without a name)"
        for number, name in enumerate(header, 1)
        if folded(name) not in known
    ]


def _label(name: str, field: FieldMapping) -> str:
    columns = [shown(column) for column in field.columns]
    return f"{name} ({'column' if len(columns) == 1 else 'columns'} {', '.join(columns)})"


def _placed(field: FieldMapping, positions: Mapping[str, int]) -> list[str | int]:
    return [positions[part] if index % 2 else part for index, part in enumerate(field.parts)]


def _reader(mapping: CsvMapping, name: str, offset: tzinfo | None) -> Callable[[str], Any]:
    """How the text of a field is read."""
    field, form = mapping.fields[name], mapping.target.form(name)
    if field.words is not None:
        return partial(word, words={folded(text): value for text, value in field.words.items()})
    if form is Form.WHOLE:
        return partial(whole_number, number=field.number)
    if form is Form.TIME:
        return partial(moment, form=field.format, offset=offset)
    return flag if form is Form.FLAG else str
