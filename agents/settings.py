"""Every setting of Siaga: name, rule, default. Read once from SIAGA_* variables and flags, then frozen.

A field `metrics_port` is the variable SIAGA_METRICS_PORT and the flag --metrics-port. An empty variable counts as
unset, because compose files and unit files write `SIAGA_ROSTER=` for "default". An error is one line (SettingsError)
that names the variable or the flag."""

import difflib
import logging
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from agents import policy, setting_rules
from schemas.roster import Roster, RosterError
from schemas.ruleset import Ruleset, RulesetError
from schemas.sources import Sources, SourcesError
from schemas.station_roster import StationRoster, StationRosterError
from schemas.topics import (
    DEFAULT_PARTITIONS,
    DEFAULT_PREFIX,
    DEFAULT_RETENTION_DAYS,
    LONGEST_NAME,
    TopicNames,
    TopicSpec,
    specs_with,
)
from streams.admission import ClockMode

PREFIX = "SIAGA_"
BY_BROKERS = -1
#: Variables of the launcher, the embedded broker, the compose file or a test: known, so no warning about them.
READ_ELSEWHERE = frozenset(
    {
        "SIAGA_ALERT_WEBHOOK_ADDRESS",
        "SIAGA_HOME",
        "SIAGA_OFFLINE",
        "SIAGA_PYTHON",
        "SIAGA_PYTHON_TRIED",
        "SIAGA_TEST_AXE",
        "SIAGA_VENV",
    }
)
#: Fields without a flag: a secret in a flag would show in `ps`. Each has a variable and a file instead. Errors show
#: neither these values nor those of the file variables, where a secret may have been pasted by mistake.
SECRETS = frozenset({"sasl_password", "webhook_url", "webhook_secret"})
_TOPIC_PREFIX_MAX = 249 - LONGEST_NAME  # Kafka's limit of a topic name

log = logging.getLogger("siaga.settings")


class SettingsError(ValueError):
    """A setting is wrong. The text is one line that names it; secrets are never in it."""


class SecurityProtocol(StrEnum):
    """Kafka's names for the four ways to connect."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def sasl(self) -> bool:
        return self.startswith("SASL_")

    @property
    def tls(self) -> bool:
        return self.endswith("SSL")


class SaslMechanism(StrEnum):
    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


Port = Annotated[int, Field(ge=0, le=65535)]
ExistingFile = Annotated[Path, AfterValidator(setting_rules.file)]


def default_data_dir() -> Path:
    """Where local data lives when SIAGA_DATA_DIR is unset: the platform's directory of user data (XDG on Linux)."""
    return platformdirs.user_data_path("siaga")


class Settings(BaseSettings):
    """All settings, checked. Descriptions become the help of the flags."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    broker: Annotated[str, AfterValidator(setting_rules.addresses)] = Field(
        "127.0.0.1:9092", description="Kafka, host:port[,host:port...]"
    )
    topic_prefix: str = Field(
        DEFAULT_PREFIX, pattern=r"^[A-Za-z0-9._-]*$", max_length=_TOPIC_PREFIX_MAX, description="prefix of every topic"
    )
    partitions: int = Field(
        DEFAULT_PARTITIONS, ge=1, le=1000, description="partitions of every topic; inputs may have others"
    )
    lanes: int = Field(
        1,
        ge=1,
        le=1000,
        description="lanes per stage of workers of release 0.9 in the same group, while they are replaced",
    )
    replication: int = Field(
        BY_BROKERS,
        ge=-1,
        le=32767,
        description="replicas of every topic; -1 is the broker's default, and 3 or one per broker where that is less",
    )
    min_insync: int | None = Field(
        None, ge=1, description="replicas that must have a record before it counts; unset is 2 of 3 or more, else 1"
    )
    retention_days: int = Field(
        DEFAULT_RETENTION_DAYS, ge=1, le=3650, description="days that inputs, ledger, escalations and rejected are kept"
    )
    group: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]+$",
        max_length=200,
        description="consumer group of the workers; unset follows the topic prefix",
        validate_default=True,
    )
    instance: str | None = Field(
        None, pattern=r"^[A-Za-z0-9._-]+$", max_length=200, description="static membership id of this worker"
    )
    roster: ExistingFile | None = Field(None, description="roster CSV; unset is the packaged one")
    stations: ExistingFile | None = Field(None, description="station roster CSV; unset is none")
    rules: ExistingFile | None = Field(None, description="ruleset file; unset is the packaged one")
    sources_file: ExistingFile | None = Field(
        None, description="file of the sources' agencies and rights; unset is the packaged one"
    )
    clock: Annotated[ClockMode, BeforeValidator(setting_rules.lower)] = Field(
        ClockMode.WALL, description="wall, or event for replays of past elections"
    )
    tick_seconds: float = Field(5.0, ge=0.1, le=3600, description="seconds between clock ticks on the ledger")
    idle_seconds: float = Field(
        3.0,
        ge=0.1,
        le=3600,
        description="event clock: seconds without a record after which an input partition counts as idle",
    )
    data_dir: Path = Field(default_factory=default_data_dir, description="directory of local data")
    metrics_host: str = Field("127.0.0.1", min_length=1, description="address /metrics listens on")
    metrics_port: Port = Field(9464, description="port of /metrics; 0 takes a free one")
    sources: Annotated[str, AfterValidator(setting_rules.sources)] = Field(
        "", description="publishing systems that metrics always name, name[,name...]"
    )
    board_host: str = Field("127.0.0.1", min_length=1, description="address the board listens on")
    board_port: Port = Field(8080, description="port of the board; 0 takes a free one")
    board_hosts: Annotated[str, AfterValidator(setting_rules.hosts)] = Field(
        "", description="names the board answers to beside loopback and its address, name[:port][,name...]"
    )
    board_per_address: int = Field(
        128, ge=0, le=100_000, description="connections one address may have to the board; 0 is no limit of its own"
    )
    log_format: Annotated[LogFormat, BeforeValidator(setting_rules.lower)] = Field(
        LogFormat.TEXT, description="text or json"
    )
    log_level: Annotated[LogLevel, BeforeValidator(setting_rules.upper)] = Field(
        LogLevel.INFO, description="debug, info, warning or error"
    )
    security_protocol: Annotated[SecurityProtocol, BeforeValidator(setting_rules.upper)] = Field(
        SecurityProtocol.PLAINTEXT, description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    sasl_mechanism: Annotated[SaslMechanism, BeforeValidator(setting_rules.upper)] | None = Field(
        None, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    sasl_username: str | None = Field(None, min_length=1, description="SASL user")
    sasl_password: SecretStr | None = Field(None, description="SASL password; prefer the file")
    sasl_password_file: ExistingFile | None = Field(None, description="file that holds the SASL password")
    tls_ca: ExistingFile | None = Field(None, description="PEM of the CAs to trust; unset is the system's")
    tls_cert: ExistingFile | None = Field(None, description="PEM of the client certificate")
    tls_key: ExistingFile | None = Field(None, description="PEM of the client certificate's key")
    webhook_url: SecretStr | None = Field(None, description="where `siaga webhook` posts; prefer the file")
    webhook_url_file: Path | None = Field(None, description="file that holds the webhook's URL")
    webhook_secret: SecretStr | None = Field(None, description="secret that signs webhooks; prefer the file")
    webhook_secret_file: Path | None = Field(None, description="file that holds the webhook's secrets, one per line")

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, /, **overrides: Any) -> Self:
        """Settings from variables, then `overrides` (flags; None means not given). Raises SettingsError."""
        environ = os.environ if environ is None else environ
        for warning in unknown_variables(environ):
            log.warning("%s", warning)
        flags = {name: value for name, value in overrides.items() if value is not None}
        variables = _Variables(cls, environ)
        try:
            return cls(_build_sources=((InitSettingsSource(cls, flags), variables), flags))
        except ValidationError as error:
            raise SettingsError(_one_line(error, variables() | flags, flags)) from None

    @model_validator(mode="before")
    @classmethod
    def _group_of_prefix(cls, values: Any) -> Any:
        """Two deployments on one cluster never share a group: it follows the prefix unless it is given."""
        if isinstance(values, dict) and "group" not in values:
            values = values | {"group": group_of(str(values.get("topic_prefix", DEFAULT_PREFIX)))}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.replication == 0:
            raise ValueError("SIAGA_REPLICATION: 0 replicas; give -1 for as many as the brokers allow, or 1 and more")
        if self.min_insync is not None and 0 < self.replication < self.min_insync:
            raise ValueError(
                f"SIAGA_MIN_INSYNC: {self.min_insync} of {self.replication} replicas (SIAGA_REPLICATION): "
                "nothing could be written"
            )
        if self.security_protocol.sasl:
            self._check_sasl()
        elif self.sasl_mechanism or self.sasl_username or self.sasl_password or self.sasl_password_file:
            raise ValueError(f"SIAGA_SASL_* is set but SIAGA_SECURITY_PROTOCOL is {self.security_protocol}")
        if not self.security_protocol.tls and (self.tls_ca or self.tls_cert or self.tls_key):
            raise ValueError(f"SIAGA_TLS_* is set but SIAGA_SECURITY_PROTOCOL is {self.security_protocol}")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("SIAGA_TLS_CERT and SIAGA_TLS_KEY go together")
        return self

    def _check_sasl(self) -> None:
        if self.sasl_mechanism is None:
            raise ValueError(f"SIAGA_SASL_MECHANISM: needed with {self.security_protocol}")
        if self.sasl_username is None:
            raise ValueError(f"SIAGA_SASL_USERNAME: needed with {self.security_protocol}")
        if (self.sasl_password is None) == (self.sasl_password_file is None):
            raise ValueError("SIAGA_SASL_PASSWORD or SIAGA_SASL_PASSWORD_FILE: exactly one is needed")

    @property
    def topics(self) -> TopicNames:
        """Full topic names under this prefix."""
        return TopicNames(self.topic_prefix)

    @property
    def bootstrap_servers(self) -> list[str]:
        """The addresses of `broker`, each host:port."""
        return self.broker.split(",")

    @property
    def reader_group_prefix(self) -> str:
        """Prefix of the consumer groups of readers; the ACLs of role `reader` cover it. Siaga itself joins none."""
        return f"{self.group}-reader-"

    @property
    def sender_group_prefix(self) -> str:
        """Prefix of the consumer groups of `siaga webhook`. Their offsets say what was delivered, so the ACLs of no
        other role cover them."""
        return f"{self.group}-sender-"

    @property
    def known_sources(self) -> frozenset[str]:
        """Publishing systems that always have a metric label of their own (agents/metrics.py)."""
        return frozenset(filter(None, self.sources.split(",")))

    def load_roster(self) -> Roster:
        """The roster file of the settings, or the packaged roster. Raises SettingsError."""
        try:
            return policy.load_roster(self.roster)
        except RosterError as error:
            raise SettingsError(str(error)) from None

    def load_stations(self) -> StationRoster | None:
        """The station roster, None when unset; its regencies must be in the roster. Raises SettingsError."""
        try:
            return policy.load_stations(self.stations, self.load_roster()) if self.stations else None
        except StationRosterError as error:
            raise SettingsError(str(error)) from None

    def load_ruleset(self) -> Ruleset:
        """The ruleset file of the settings, or the packaged ruleset. Raises SettingsError."""
        try:
            return policy.load_ruleset(self.rules)
        except RulesetError as error:
            raise SettingsError(str(error)) from None

    def load_sources(self) -> Sources:
        """The sources file of the settings, or the packaged one. Raises SettingsError."""
        try:
            return policy.load_sources(self.sources_file)
        except SourcesError as error:
            raise SettingsError(str(error)) from None

    def load_topics(self) -> tuple[TopicSpec, ...]:
        """Every topic of the deployment, with the inputs of their own of the sources file. Raises SettingsError."""
        return specs_with(self.load_sources().inputs, self.retention_days)

    def password(self) -> str | None:
        """The SASL password, from its variable or its file (without the final newline). Raises SettingsError."""
        if self.sasl_password_file is None:
            return self.sasl_password.get_secret_value() if self.sasl_password else None
        try:
            text = self.sasl_password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"SIAGA_SASL_PASSWORD_FILE: {self.sasl_password_file}: {_reason(error)}") from None
        if not text:
            raise SettingsError(f"SIAGA_SASL_PASSWORD_FILE: {self.sasl_password_file}: empty")
        return text


class _Variables(PydanticBaseSettingsSource):
    """SIAGA_* variables of `environ`; blank ones are unset, values lose surrounding blanks unless they are secret."""

    def __init__(self, settings: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings)
        self._environ = environ

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        text = self._environ.get(variable_of(field_name), "")
        if not text.strip():
            return None, field_name, False
        return (text if field_name == "sasl_password" else text.strip()), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


def group_of(prefix: str) -> str:
    """The consumer group of a deployment: `siaga.` -> `siaga`."""
    return prefix.removesuffix(".") or "no-prefix"


def variable_of(field: str) -> str:
    """The environment variable of a field: `metrics_port` -> `SIAGA_METRICS_PORT`."""
    return PREFIX + field.upper()


def flag_of(field: str) -> str:
    """The flag of a field: `metrics_port` -> `--metrics-port`."""
    return "--" + field.replace("_", "-")


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """One line for each SIAGA_* variable that no setting reads, with the most similar name of a setting."""
    known = {variable_of(field).removeprefix(PREFIX) for field in Settings.model_fields}
    lines = []
    for name in sorted(environ.keys() - READ_ELSEWHERE):
        if name.startswith(PREFIX) and (bare := name.removeprefix(PREFIX)) not in known:
            near = difflib.get_close_matches(bare, sorted(known), n=1)
            lines.append(
                f"{name} is not a setting of Siaga and is ignored"
                + (f"; did you mean {PREFIX}{near[0]}?" if near else "")
            )
    return lines


def _one_line(error: ValidationError, values: Mapping[str, Any], flags: Mapping[str, Any]) -> str:
    """All errors in one line; each setting by its flag if it was given as a flag, else by its variable."""
    return "; ".join(_sentence(item, values, flags) for item in error.errors(include_url=False, include_input=False))


def _sentence(item: Any, values: Mapping[str, Any], flags: Mapping[str, Any]) -> str:
    text: str = item["msg"].removeprefix("Value error, ")
    if not item["loc"]:
        return text
    field = str(item["loc"][0])
    name = flag_of(field) if field in flags else variable_of(field)
    if field not in Settings.model_fields or field.removesuffix("_file") in SECRETS:
        return f"{name}: {text}"
    return f"{name}: {values.get(field)!s:.120}: {text[0].lower()}{text[1:]}".replace("\n", " ")


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return str(error.strerror) if isinstance(error, OSError) and error.strerror else str(error)
