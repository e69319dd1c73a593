"""Settings as flags: every command takes the ones it needs and is handed checked `Settings`."""

import functools
from collections.abc import Callable
from typing import Any

import click

from agents.settings import Settings, SettingsError, flag_of, variable_of

CONNECTION = (
    "broker",
    "security_protocol",
    "sasl_mechanism",
    "sasl_username",
    "sasl_password_file",
    "tls_ca",
    "tls_cert",
    "tls_key",
)
TOPICS = ("topic_prefix",)
# A secret given as a flag shows in `ps`; it has a variable and a file instead.
NO_FLAG = frozenset({"sasl_password"})


class CommandError(click.ClickException):
    """One clear line on standard error. Exit status 1: it ran and failed; 2: it was asked wrongly."""

    def __init__(self, message: str, exit_code: int = 1):
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code


def with_settings(*fields: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the flags of the connection, the topic prefix and `fields`; call the command with `settings=Settings`."""
    names = list(dict.fromkeys((*CONNECTION, *TOPICS, *fields)))

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            flags = {name: kwargs.pop(name) for name in names if name not in NO_FLAG}
            return function(*args, settings=load_settings(**flags), **kwargs)

        for name in reversed(names):
            if name not in NO_FLAG:
                call = _option(name)(call)
        return call

    return decorate


def load_settings(**flags: Any) -> Settings:
    """`Settings.load` for a command: a bad setting is a one-line error and exit status 2."""
    try:
        return Settings.load(**flags)
    except SettingsError as error:
        raise CommandError(str(error), exit_code=2) from None


def _option(field: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    # Values stay text here: Settings is the one place that judges them, so a flag and a variable fail alike.
    about = f"{Settings.model_fields[field].description} [{variable_of(field)}]"
    return click.option(flag_of(field), field, metavar="VALUE", default=None, help=about)
