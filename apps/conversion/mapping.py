"""The mapping file: which column of a CSV becomes which field of a message, and how its cells are read.

TOML, checked whole before a line is converted: each field against the message's model, each constant and word against
the field. An error is one line with file, line and field.
"""

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from apps.conversion.cells import Constant, Number, folded
from apps.conversion.targets import TARGETS, Form, Target
from schemas.toml_lines import first_wrong, line_of

_STRICT = ConfigDict(frozen=True, strict=True, extra="forbid")
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_DIRECTIVE = re.compile(r"%(.)", re.DOTALL)
# Those that do not depend on the machine's language, and of which none needs another.
_DIRECTIVES = frozenset("dmYyHMSfzj%")
_SOME_TIME = datetime(2024, 11, 27, 8, tzinfo=UTC)
_NEEDED = (("year", "Yy"), ("month", "mj"), ("day", "dj"), ("hour", "H"), ("minute", "M"))


def _constant(value: Any) -> Any:
    """Raise one error for what is no constant: pydantic has one for each type of a union."""
    if isinstance(value, str | int):
        return value
    raise PydanticCustomError("constant", "must be text, a whole number, true or false")


_Given = Annotated[Constant, BeforeValidator(_constant)]
_Name = Annotated[str, Field(min_length=1)]
_Where = tuple[str, ...]


class MappingError(Exception):
    """The mapping file cannot be used. One line with file, line and field."""


class FieldMapping(BaseModel):
    """Where one field's value comes from (`column`, `template` or `value`), and how its text is read."""

    model_config = _STRICT

    column: _Name | None = None
    template: _Name | None = None
    value: _Given | None = None
    format: _Name | None = None
    words: dict[str, _Given] | None = None
    number: Number | None = None

    @property
    def parts(self) -> list[str]:
        """The template cut at its columns: text, column, text, ..., text. Empty for a constant."""
        if self.column is not None:
            return ["", self.column, ""]
        return _PLACEHOLDER.split(self.template or "") if self.template else []

    @property
    def columns(self) -> list[str]:
        """The columns that the field is made of."""
        return self.parts[1::2]


class CsvMapping(BaseModel):
    """A mapping file. `delimiter` is None where the header tells it; `ignore` names columns that are not converted."""

    model_config = _STRICT

    kind: Literal["incident", "turnout"]
    delimiter: Literal[";", ",", "\t"] | None = None
    ignore: list[_Name] = []
    fields: dict[str, FieldMapping]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check a mapping file. Raises MappingError."""
        try:
            return cls.parse(path.read_bytes().decode("utf-8-sig"), str(path))
        except OSError as error:
            raise MappingError(f"{path}: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise MappingError(f"{path}: is not UTF-8 at byte {error.start}; save it as UTF-8") from None

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """Read and check the text of a mapping file; `name` stands in errors. Raises MappingError."""
        try:
            mapping = cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as wrong:
            raise MappingError(f"{name}: {wrong}") from None
        except ValidationError as wrong:
            raise MappingError(f"{name}: {first_wrong(text, wrong, 'mapping')}") from None
        for where, what in _contradictions(mapping):
            raise MappingError(f"{name}: line {line_of(text, where)}, {'.'.join(where)}: {what}")
        return mapping

    @property
    def target(self) -> Target:
        """The message that lines become."""
        return TARGETS[self.kind]

    @property
    def columns(self) -> list[str]:
        """Every column that a field is made of, once, in the order of the file."""
        return list(dict.fromkeys(name for field in self.fields.values() for name in field.columns))


def _contradictions(mapping: CsvMapping) -> Iterator[tuple[_Where, str]]:
    """Where the mapping and the message do not fit, and why."""
    target = mapping.target
    for name, field in mapping.fields.items():
        if name not in target.fields:
            yield ("fields", name), f"no field of a message of kind {mapping.kind}"
        else:
            yield from ((("fields", name, *where), what) for where, what in _wrong_field(target, name, field))
    for name, info in target.fields.items():
        if info.is_required() and name not in mapping.fields:
            yield ("fields", name), f"is missing; every message of kind {mapping.kind} has it"
    if not mapping.fields["event_id"].columns:
        yield ("fields", "event_id"), "must be made of a column: each message has an id of its own"


def _wrong_field(target: Target, name: str, field: FieldMapping) -> Iterator[tuple[_Where, str]]:
    sources = [part for part in (field.column, field.template, field.value) if part is not None]
    readings = [part for part in (field.format, field.words, field.number) if part is not None]
    if len(sources) != 1:
        yield (), "needs exactly one of column, template and value"
    elif field.value is not None and readings:
        yield (), "a value is not read: it has no format, words or number"
    elif len(readings) > 1:
        yield (), "has more than one of format, words and number"
    if field.value is not None and (refusal := target.refusal(name, field.value)):
        yield ("value",), refusal
    if field.template is not None and re.search("[{}]", _PLACEHOLDER.sub("", field.template)):
        yield ("template",), "a brace belongs to no {column}"
    if field.template is not None and not field.columns:
        yield ("template",), "names no {column}; a constant is a value"
    if field.number is not None and target.form(name) is not Form.WHOLE:
        yield ("number",), f"the field holds {target.form(name)}, not a whole number"
    if field.format is not None:
        yield from (((("format",)), what) for what in _wrong_format(target.form(name), field.format))
    yield from _wrong_words(target, name, field.words or {})


def _wrong_format(form: Form, text: str) -> Iterator[str]:
    if form is not Form.TIME:
        yield f"the field holds {form}, not a time"
    found = _DIRECTIVE.findall(text)
    if unknown := next((char for char in found if char not in _DIRECTIVES), ""):
        yield f"%{unknown} is not read; known are " + " ".join(f"%{char}" for char in sorted(_DIRECTIVES))
    for part, directives in _NEEDED:
        if not set(directives).intersection(found):
            yield f"names no {part}; two columns are put together by a template"
    try:
        datetime.strptime(_SOME_TIME.strftime(text), text)
    except (ValueError, re.error) as error:
        yield f"is no format: {error}"


def _wrong_words(target: Target, name: str, words: dict[str, Constant]) -> Iterator[tuple[_Where, str]]:
    seen: dict[str, Constant] = {}
    for text, value in words.items():
        if refusal := target.refusal(name, value):
            yield ("words", text), refusal
        if seen.setdefault(folded(text), value) != value:
            yield ("words", text), "has another value in another case"
