"""The messages that a mapping can make, and what its checks must know of their fields: all of it from the models."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType, NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from apps.publishing.messages import Kind
from schemas.incident import Incident
from schemas.turnout import Turnout


class Form(StrEnum):
    """What a field holds."""

    TEXT = "text"
    WHOLE = "a whole number"
    FLAG = "true or false"
    TIME = "a time"


_FORMS = {int: Form.WHOLE, bool: Form.FLAG, datetime: Form.TIME}


class Target:
    """One kind of message: its model, and its fields by the name they have in JSON."""

    def __init__(self, kind: Kind, model: type[BaseModel]) -> None:
        self.kind = kind
        self._model = model
        self.fields: Mapping[str, FieldInfo] = MappingProxyType(
            {str(info.validation_alias or name): info for name, info in model.model_fields.items()}
        )

    def form(self, field: str) -> Form:
        """What the field holds."""
        return next((_FORMS[kind] for kind in _kinds(self.fields[field].annotation) if kind in _FORMS), Form.TEXT)

    def refusal(self, field: str, value: Any) -> str:
        """Why the model does not accept the value in this field; "" if it does."""
        try:
            self._model.model_validate_json(json.dumps({field: value}))
        except ValidationError as wrong:
            errors = wrong.errors(include_url=False, include_input=False, include_context=False)
            return next((error["msg"] for error in errors if error["loc"][:1] == (field,)), "")
        return ""


TARGETS = {"incident": Target(Kind.INCIDENTS, Incident), "turnout": Target(Kind.TURNOUT, Turnout)}


def is_id(field: str) -> bool:
    """Whether a template of this field makes an id, which holds no blanks and few marks."""
    return field.endswith("_id")


def _kinds(annotation: Any) -> list[Any]:
    """The types that a field may hold, without None and without constraints."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    arms = get_args(annotation)
    return [kind for arm in arms for kind in _kinds(arm)] if arms else [annotation] * (annotation is not NoneType)
