"""Text of publishers and rosters cannot add a log line, a metric, a label or a header."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from agents import metrics
from agents.app import create_app
from agents.health import Health
from agents.policy import load_roster
from agents.settings import Settings
from schemas.rejected import ERROR_MAX_CHARS, Rejected, rejected_headers
from schemas.roster import RosterError
from schemas.wire import decode_incident, decode_turnout
from tests.apps.cli.siaga import incident

EVIL = ('x"} 1\nsiaga_records_total{topic="forged', "a\r\nsiaga.reason: applied", "\x1b[2J", "a\\", "\u2028", "\x00")


def rejection(message: dict) -> Rejected:
    with pytest.raises(Rejected) as caught:
        decode_incident(orjson.dumps(message), ())
    return caught.value


FIELDS = ("source", "event_id", "incident_id", "regency", "category", "status")
#: Ids are any printable ASCII without blanks, so a backslash too; they are no label and no header.
REFUSED = [(field, evil) for field in FIELDS for evil in EVIL if not (field.endswith("_id") and evil == "a\\")]


@pytest.mark.parametrize(("field", "evil"), REFUSED)
def test_text_with_quotes_or_control_characters_is_rejected(field: str, evil: str):
    """`station` is free text by contract: it is counted, and never logged, labelled or published."""
    rejected = rejection(incident(1, **{field: evil}))
    assert evil not in rejected.error and rejected.error.isprintable()


@pytest.mark.parametrize("evil", EVIL)
def test_the_name_of_an_unknown_field_is_escaped_in_headers(evil: str):
    rejected = rejection(incident(1, **{evil: 1}))
    headers = dict(rejected_headers(rejected.reason, rejected.error, "siaga.incidents", 0, 1))
    assert all(value.decode().isprintable() for value in headers.values()), headers
    assert len(headers["siaga.error"].decode()) <= ERROR_MAX_CHARS


@given(st.dictionaries(st.text(max_size=40), st.text(max_size=40) | st.integers() | st.none(), max_size=6))
def test_the_error_of_any_message_is_one_short_printable_line(message: dict):
    for decode in (decode_incident, decode_turnout):
        try:
            decode(orjson.dumps(message), ())
        except orjson.JSONEncodeError:
            return
        except Rejected as rejected:
            assert rejected.error.isprintable() and len(rejected.error) <= ERROR_MAX_CHARS


def test_names_of_a_roster_with_quotes_and_backslashes_stay_one_label(tmp_path: Path):
    name = 'Ogan "Ilir" \\ {x="1"}'
    quoted = name.replace('"', '""')
    file = tmp_path / "roster.csv"
    file.write_text(f'regency,name,stations,registered\n16.10,"{quoted}",10,1000\n')
    registry = CollectorRegistry()
    gauge = Gauge("siaga_regency_level", "Level.", ("regency", "name"), registry=registry)
    gauge.labels("16.10", load_roster(file)["16.10"].name).set(2)
    [family] = text_string_to_metric_families(generate_latest(registry).decode())
    [sample] = family.samples
    assert (sample.labels, sample.value) == ({"regency": "16.10", "name": name}, 2.0)


@pytest.mark.parametrize("evil", ["a\nb", "a\x1b[2J", "a\u2028b", "a\x85b"])
def test_a_roster_with_a_control_character_in_a_name_is_refused_in_one_line(tmp_path: Path, evil: str):
    file = tmp_path / "roster.csv"
    file.write_text(f'regency,name,stations,registered\n16.10,"{evil}",10,1000\n', encoding="utf-8")
    with pytest.raises(RosterError) as caught:
        load_roster(file)
    assert str(caught.value).isprintable()


def test_the_number_of_source_labels_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics, "_known_sources", set())
    labels = {metrics.source_label(f"source-{number}") for number in range(10_000)}
    assert len(labels) == metrics.SOURCES_MAX + 1 and "other" in labels


def test_invented_sources_take_no_label_from_configured_ones(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics, "_known_sources", set())
    monkeypatch.setattr(metrics, "_named_sources", set())
    create_app(Settings.load({"SIAGA_SOURCES": "kpu, bawaslu"}), Health("worker", ""))
    labels = {metrics.source_label(f"source-{number}") for number in range(10_000)}
    assert len(labels) == metrics.SOURCES_MAX + 1
    assert [metrics.source_label(source) for source in ("kpu", "bawaslu", "polri")] == ["kpu", "bawaslu", "other"]


def test_every_label_has_a_bounded_number_of_values():
    """A label with free text would let publishers grow the memory of worker and Prometheus."""
    bounded = {"topic", "outcome", "reason", "source", "kind", "partition", "stage", "regency", "name", "change"}
    bounded |= {"level", "version", "ruleset", "clock", "sender", "role", "part"}
    families = [metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)]
    assert len(families) > 20
    assert {label for family in families for label in family._labelnames} <= bounded
