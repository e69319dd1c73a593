"""The sources file as a checked model."""

import re
import tomllib
from collections.abc import Sequence
from importlib import resources
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.fields import REGENCY_PATTERN, SOURCE_PATTERN, one_of
from schemas.sources.speakers import UNRANKED, Speaker, Speakers
from schemas.toml_lines import every_wrong, first_wrong
from schemas.topics import INPUTS, Topic

DEFAULT_NAME = "sumsel"
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class SourcesError(ValueError):
    """A sources file that cannot be used: one line that names the file, the line, the source and the field.

    `problems` are all that were found, a line each; the text is the first of them.
    """

    def __init__(self, first: str, problems: Sequence[str] = ()) -> None:
        super().__init__(first)
        self.problems = tuple(problems) or (first,)


def _name(text: str) -> str:
    if not re.fullmatch(SOURCE_PATTERN, text):
        raise ValueError(f"{text[:40]!r} is not 1 to 32 of a-z, 0-9 and -")
    return text


def _input(text: str) -> str:
    if text in tuple(Topic):
        raise ValueError(f"{text!r} is the name of a topic")
    return text


def _code(text: str) -> str:
    if not re.fullmatch(REGENCY_PATTERN, text):
        raise ValueError(f"{text[:40]!r} is not of the form NN.NN")
    return text


def _each_once(words: tuple[str, ...]) -> tuple[str, ...]:
    if repeated := next((word for number, word in enumerate(words) if word in words[:number]), None):
        raise ValueError(f"{repeated!r} is repeated")
    return words


Name = Annotated[str, AfterValidator(_name)]
# TOML has arrays only, so tuples are not strict; their items are.
Kinds = Annotated[
    tuple[Annotated[str, one_of(INPUTS)], ...], Field(strict=False, min_length=1), AfterValidator(_each_once)
]
Codes = Annotated[
    tuple[Annotated[str, Field(strict=True), AfterValidator(_code)], ...],
    Field(strict=False, min_length=1),
    AfterValidator(_each_once),
]


class Source(BaseModel):
    """One publishing system.

    `turnout`: its order among those that report turnout, lowest first. `only`: the topics it may report on; both
    unless said. `regencies`: all unless said. `input`: the name of the topics of its own, and of their Kafka user.
    """

    model_config = _STRICT

    agency: Name
    turnout: Annotated[int, Field(ge=1, lt=UNRANKED)] | None = None
    only: Kinds = tuple(topic.value for topic in INPUTS)
    regencies: Codes | None = None
    input: Annotated[Name, AfterValidator(_input)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.turnout is not None and Topic.TURNOUT.value not in self.only:
            raise ValueError(f"turnout is {self.turnout}, but only leaves turnout out")
        return self

    @property
    def speaker(self) -> Speaker:
        return Speaker(self.agency, UNRANKED if self.turnout is None else self.turnout)


class Sources(BaseModel):
    """A checked sources file. `unknown`: whether sources that it does not name may report on the common topics."""

    model_config = _STRICT

    unknown: Literal["accept", "reject"] = "accept"
    sources: dict[Name, Source] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        named: dict[int, str] = {}
        for name, source in self.sources.items():
            if source.turnout is not None and (other := named.setdefault(source.turnout, name)) != name:
                raise ValueError(f"sources.{name}.turnout is {source.turnout}, which is the order of {other} already")
        if self.unknown == "reject" and not self.sources:
            raise ValueError('unknown is "reject" and no source is named: nobody could report')
        return self

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs of their own, in order."""
        return tuple(sorted({source.input for source in self.sources.values() if source.input}))

    def speakers(self, kind: Topic, input: str = "") -> Speakers:
        """Who may report on one input topic: `kind` is incidents or turnout, `input` "" for the common topic."""
        allowed, refused = {}, {}
        for name, source in self.sources.items():
            if why := _refused(source, kind, input):
                refused[name] = why
            else:
                allowed[name] = source.speaker, None if source.regencies is None else frozenset(source.regencies)
        return Speakers(allowed, refused, self._unknown_refused(input))

    def _unknown_refused(self, input: str) -> str | None:
        if input:
            return f"may not report on the input {input}"
        return "not in the sources file" if self.unknown == "reject" else None

    @classmethod
    def parse(cls, text: str, origin: str = "sources") -> Self:
        """From TOML text; `origin` is how errors call it. Raises SourcesError."""
        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as wrong:
            raise SourcesError(f"{origin}: not TOML: {wrong}") from None
        except ValidationError as wrong:
            problems = [f"{origin} {line}" for line in every_wrong(text, wrong, "sources")]
            raise SourcesError(f"{origin} {first_wrong(text, wrong, 'sources')}", problems) from None

    @classmethod
    def default(cls) -> Self:
        """The packaged file: the systems of KPU, Bawaslu, police and BPBD in South Sumatra."""
        file = resources.files("schemas").joinpath(f"sources/{DEFAULT_NAME}.toml")
        return cls.parse(file.read_text(encoding="utf-8"), f"{DEFAULT_NAME}.toml")


def _refused(source: Source, kind: Topic, input: str) -> str | None:
    """Why a source of the file may not report on this topic; None if it may."""
    own = source.input or ""
    if own != input:
        return f"reports on the input {own} only" if own else f"may not report on the input {input}"
    return None if kind.value in source.only else f"may not report {kind.value}"
