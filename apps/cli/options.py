"""Settings as flags: every command names the ones it needs and is called with checked `Settings`."""

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from agents.health import Health
from agents.settings import SECRETS, Settings, SettingsError, flag_of, variable_of

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


class CommandError(click.ClickException):
    """One line on standard error. Exit status 1: the command ran and failed; 2: wrong arguments or settings."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code


def moment_of(option: str, text: str) -> datetime:
    """The time that an option gives, with its offset. Raises CommandError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CommandError(
            f"{option}: {text!r} is not RFC 3339 with an offset, such as 2024-11-27T09:30:00+07:00", exit_code=2
        )
    return moment


def with_settings(*fields: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the flags of the connection, the topic prefix and `fields`; call the command with `settings=Settings`."""
    names = [name for name in dict.fromkeys((*CONNECTION, *TOPICS, *fields)) if name not in SECRETS]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            flags = {name: kwargs.pop(name) for name in names}
            return function(*args, settings=load_settings(**flags), **kwargs)

        command: Callable[..., Any] = call
        for name in reversed(names):
            command = _option(name)(command)
        return command

    return decorate


def load_settings(**flags: Any) -> Settings:
    """`Settings.load` for a command: a bad setting is a one-line error and exit status 2."""
    try:
        return Settings.load(**flags)
    except SettingsError as error:
        raise CommandError(str(error), exit_code=2) from None


def serve_metrics_if_set(settings: Settings, health: Health) -> None:
    """Serve the senders' /metrics and /healthz when SIAGA_METRICS_PORT or --metrics-port is given.

    The default port is not used: a worker on the same machine has it. Raises CommandError."""
    from agents.metrics import SENDERS, PortTaken, serve_metrics

    if "metrics_port" not in settings.model_fields_set:
        return
    try:
        serve_metrics(settings, health, SENDERS)
    except PortTaken as error:
        raise CommandError(str(error)) from None


def _option(field: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    # Values stay text here: only Settings checks them, so that a flag and a variable give the same error.
    about = f"{Settings.model_fields[field].description} [{variable_of(field)}]"
    return click.option(flag_of(field), field, metavar="VALUE", default=None, help=about)
