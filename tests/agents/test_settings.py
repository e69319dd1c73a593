"""Settings: what they accept, how they name an error, and that secrets stay secret."""

import inspect
from pathlib import Path

import aiokafka
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from pydantic import ValidationError

from agents.kafka.connection import aiokafka_options, kafka_python_options
from agents.settings import Settings, SettingsError, unknown_variables
from schemas.sources import Sources
from streams.admission import ClockMode

SASL = {
    "SIAGA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "SIAGA_SASL_MECHANISM": "SCRAM-SHA-512",
    "SIAGA_SASL_USERNAME": "worker",
}


def test_without_variables_the_defaults_of_the_contract_apply():
    settings = Settings.load({})
    assert (settings.topic_prefix, settings.partitions, settings.clock) == ("siaga.", 6, ClockMode.WALL)
    assert settings.metrics_host == settings.board_host == "127.0.0.1"


def test_settings_are_frozen():
    with pytest.raises(ValidationError):
        Settings.load({}).partitions = 7


def test_a_given_flag_overrides_a_variable():
    environ = {"SIAGA_PARTITIONS": "3", "SIAGA_GROUP": "night"}
    settings = Settings.load(environ, partitions="4", group=None)
    assert (settings.partitions, settings.group) == (4, "night")


def test_an_empty_variable_counts_as_unset():
    assert Settings.load({"SIAGA_ROSTER": "", "SIAGA_METRICS_PORT": " "}) == Settings.load({})


@pytest.mark.parametrize(
    "broker", ["a:1", "kafka-1.example:9092,kafka-2.example:9093", "[::1]:9092", "127.0.0.1:65535"]
)
def test_brokers_are_host_and_port(broker: str):
    assert Settings.load({"SIAGA_BROKER": broker}).bootstrap_servers == broker.split(",")


def test_blanks_between_brokers_and_between_sources_are_dropped():
    assert Settings.load({"SIAGA_BROKER": "a:1, b:2"}).broker == "a:1,b:2"
    assert Settings.load({"SIAGA_SOURCES": "kpu, bawaslu"}).known_sources == {"kpu", "bawaslu"}
    assert Settings.load({}).known_sources == frozenset()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("SIAGA_BROKER", value)
            for value in ("kafka", "::1:9092", "a:0", "a:65536", "a:1,,b:2", "http://a:1", "a:b")
        ),
        *(("SIAGA_PARTITIONS", value) for value in ("0", "1001", "six", "1.5")),
        *(("SIAGA_METRICS_PORT", value) for value in ("-1", "65536", "http")),
        *(
            (name, value)
            for name in ("SIAGA_TICK_SECONDS", "SIAGA_IDLE_SECONDS")
            for value in ("0", "nan", "inf", "soon")
        ),
        ("SIAGA_REPLICATION", "0"),
        ("SIAGA_CLOCK", "moon"),
        ("SIAGA_ROSTER", "/no/such/roster.csv"),
        ("SIAGA_RULES", "/"),
        ("SIAGA_SOURCES_FILE", "/no/such/sources.toml"),
        ("SIAGA_TOPIC_PREFIX", "si aga."),
        ("SIAGA_TOPIC_PREFIX", "x" * 249),
        ("SIAGA_GROUP", "a/b"),
        *(("SIAGA_SOURCES", value) for value in ("KPU", "kpu,,bawaslu", "x" * 33, 'kpu"')),
        ("SIAGA_LOG_LEVEL", "loud"),
        ("SIAGA_SECURITY_PROTOCOL", "TLS"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_variable(name: str, value: str):
    with pytest.raises(SettingsError) as error:
        Settings.load({name: value})
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_bad_flag_is_named_as_a_flag():
    with pytest.raises(SettingsError, match=r"^--metrics-port: 70000: "):
        Settings.load({"SIAGA_METRICS_PORT": "1"}, metrics_port="70000")


@pytest.mark.parametrize(
    "environ",
    [
        {"SIAGA_SASL_PASSWORD": "hush-hush"},
        SASL | {"SIAGA_SASL_PASSWORD": "hush-hush", "SIAGA_SASL_MECHANISM": "GSSAPI"},
        SASL | {"SIAGA_SASL_PASSWORD": "hush-hush", "SIAGA_PARTITIONS": "none"},
    ],
)
def test_an_error_never_shows_the_password(environ: dict[str, str]):
    with pytest.raises(SettingsError) as error:
        Settings.load(environ)
    assert "hush" not in str(error.value)


def test_settings_never_print_a_secret():
    secrets = {
        "SIAGA_SASL_PASSWORD": "hush-1",
        "SIAGA_WEBHOOK_URL": "https://a/hush-2",
        "SIAGA_WEBHOOK_SECRET": "hush-3",
    }
    settings = Settings.load(SASL | secrets)
    assert "hush" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.password() == "hush-1"


def test_a_secret_pasted_as_a_file_name_is_not_repeated():
    with pytest.raises(SettingsError, match="^SIAGA_SASL_PASSWORD_FILE: no such file$"):
        Settings.load(SASL | {"SIAGA_SASL_PASSWORD_FILE": "hush-hush"})


def test_local_data_is_kept_in_the_xdg_directory_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert Settings.load({}).data_dir == tmp_path / "siaga"
    assert Settings.load({"SIAGA_DATA_DIR": "elsewhere"}).data_dir == Path("elsewhere")


def test_a_roster_that_cannot_be_used_is_one_line_that_names_it(tmp_path: Path):
    (tmp_path / "roster.csv").write_text("code\n")
    settings = Settings.load({"SIAGA_ROSTER": str(tmp_path / "roster.csv")})
    with pytest.raises(SettingsError, match="^[^\n]*roster.csv[^\n]*$"):
        settings.load_roster()


def test_a_station_roster_is_loaded_when_it_is_set(tmp_path: Path):
    (tmp_path / "stations.csv").write_text("regency,village,station,registered\n16.71,,1,300\n")
    stations = Settings.load({"SIAGA_STATIONS": str(tmp_path / "stations.csv")}).load_stations()
    assert stations is not None and len(stations) == 1
    assert Settings.load({}).load_stations() is None


def test_a_station_of_a_regency_that_the_roster_lacks_is_one_line(tmp_path: Path):
    (tmp_path / "stations.csv").write_text("regency,village,station,registered\n31.71,,1,300\n")
    settings = Settings.load({"SIAGA_STATIONS": str(tmp_path / "stations.csv")})
    with pytest.raises(SettingsError, match=r"^[^\n]*stations.csv line 2, regency: 31.71 is not in the roster$"):
        settings.load_stations()


def test_a_sources_file_that_cannot_be_used_is_one_line_that_names_it(tmp_path: Path):
    (tmp_path / "sources.toml").write_text("[sources.kpu]\n")
    settings = Settings.load({"SIAGA_SOURCES_FILE": str(tmp_path / "sources.toml")})
    with pytest.raises(SettingsError, match="^[^\n]*sources.toml line 1, sources.kpu.agency[^\n]*$"):
        settings.load_sources()


def test_the_packaged_sources_are_in_force_without_a_file():
    assert Settings.load({}).load_sources() == Sources.default()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, "SIAGA_SASL_PASSWORD"),
        ({"SIAGA_SASL_PASSWORD": "a", "SIAGA_SASL_MECHANISM": ""}, "SIAGA_SASL_MECHANISM"),
        ({"SIAGA_SASL_PASSWORD": "a", "SIAGA_SASL_USERNAME": ""}, "SIAGA_SASL_USERNAME"),
        ({"SIAGA_SASL_PASSWORD": "a", "SIAGA_SECURITY_PROTOCOL": ""}, "SIAGA_SECURITY_PROTOCOL"),
    ],
)
def test_an_incomplete_login_is_rejected(change: dict[str, str], named: str):
    with pytest.raises(SettingsError, match=named):
        Settings.load(SASL | change)


def test_a_password_file_loses_only_its_final_newline(tmp_path: Path):
    file = tmp_path / "password"
    file.write_text(" hush \n")
    settings = Settings.load(SASL | {"SIAGA_SASL_PASSWORD_FILE": str(file)})
    assert settings.password() == " hush "
    file.write_text("\n")
    with pytest.raises(SettingsError, match="empty"):
        settings.password()


def test_a_password_and_a_password_file_exclude_each_other(tmp_path: Path):
    file = tmp_path / "password"
    file.write_text("a")
    with pytest.raises(SettingsError, match="exactly one"):
        Settings.load(SASL | {"SIAGA_SASL_PASSWORD_FILE": str(file), "SIAGA_SASL_PASSWORD": "b"})


def test_tls_files_need_tls_and_a_certificate_needs_its_key(tmp_path: Path):
    pem = tmp_path / "x.pem"
    pem.write_text("")
    with pytest.raises(SettingsError, match="SIAGA_SECURITY_PROTOCOL"):
        Settings.load({"SIAGA_TLS_CA": str(pem)})
    with pytest.raises(SettingsError, match="SIAGA_TLS_KEY"):
        Settings.load({"SIAGA_SECURITY_PROTOCOL": "SSL", "SIAGA_TLS_CERT": str(pem)})


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path):
    pem = tmp_path / "ca.pem"
    pem.write_text("not a certificate")
    settings = Settings.load({"SIAGA_SECURITY_PROTOCOL": "SSL", "SIAGA_TLS_CA": str(pem)})
    with pytest.raises(SettingsError, match="SIAGA_TLS_CA"):
        aiokafka_options(settings)


def test_an_unknown_variable_is_reported_with_the_most_similar_name():
    lines = unknown_variables({"SIAGA_PARTITONS": "3", "SIAGA_XYZZY": "1", "SIAGA_BROKER": "a:1", "OTHER": "x"})
    assert len(lines) == 2
    assert "SIAGA_PARTITONS" in lines[0] and "did you mean SIAGA_PARTITIONS?" in lines[0]
    assert "SIAGA_XYZZY" in lines[1] and "did you mean" not in lines[1]


def test_both_kafka_clients_accept_every_connection_option():
    settings = Settings.load(SASL | {"SIAGA_SECURITY_PROTOCOL": "SASL_SSL", "SIAGA_SASL_PASSWORD": "hush"})
    given = kafka_python_options(settings).keys()
    assert {"ssl_context", "sasl_plain_password"} <= given
    for client in (KafkaProducer, KafkaConsumer, KafkaAdminClient):
        assert given <= client.DEFAULT_CONFIG.keys()
    for client in (aiokafka.AIOKafkaProducer, aiokafka.AIOKafkaConsumer):
        assert aiokafka_options(settings).keys() <= inspect.signature(client).parameters.keys()
