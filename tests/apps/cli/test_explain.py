"""`siaga explain` on a real broker: the published messages in plain words, in the language asked for."""

from pathlib import Path

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from apps.cli.explain import code_of
from apps.cli.options import CommandError
from apps.embedded import EmbeddedBroker
from schemas.ledger import INPUT_HEADER, TICK_KEY, encode_reports, partition_of, watermark_frame
from schemas.roster import Roster
from schemas.topics import INPUTS, Topic
from tests.apps.cli.siaga import Siaga
from tests.streams.ledgers import EIGHT_MS, HOUR_MS, MINUTE_MS, PALEMBANG, incident, run, tick, turnout

LEDGER = partition_of(PALEMBANG, 3)
CONFIRMATION = incident("b", EIGHT_MS + 10 * MINUTE_MS, "clash", 4, source="bawaslu", origin="polri", incident="a")


@pytest.fixture
def published(broker: EmbeddedBroker, fresh_prefix: str, topics: None) -> None:
    """A grave incident at 08:00 local time and its confirmation ten minutes later, as the fold writes them."""
    fold = run(
        [
            tick(EIGHT_MS - MINUTE_MS),
            (PALEMBANG, [incident("a", EIGHT_MS, "clash", 4, source="polri")]),
            (PALEMBANG, [CONFIRMATION]),
        ]
    )
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    for value in fold.escalations:
        producer.send(fresh_prefix + "escalations", value, key=PALEMBANG.encode(), partition=1)
    for regency, value in fold.rows.items():
        producer.send(fresh_prefix + "risk", value, key=regency.encode(), partition=1)
    producer.flush()
    producer.close()


@pytest.mark.usefixtures("published")
def test_a_level_is_explained_in_both_languages(siaga: Siaga):
    done = siaga("explain", "Palembang", "--lang", "both")
    text = done.out.decode()
    assert (done.status, done.err) == (0, "")
    assert "is at siaga (alert)" in text and "berada di tingkat siaga" in text
    assert "a grave incident, confirmed by a second agency" in text
    assert "clash, severity 4, reported (polri/i-a); told by bawaslu, polri" in text


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    "locale, said", [("id_ID.UTF-8", "berada di tingkat siaga"), ("C.UTF-8", "is at siaga (alert)")]
)
def test_the_language_is_that_of_the_locale(siaga: Siaga, monkeypatch: pytest.MonkeyPatch, locale: str, said: str):
    monkeypatch.setenv("LC_ALL", locale)
    text = siaga("explain", "Palembang").out.decode()
    assert said in text and "\n\n" not in text


@pytest.mark.parametrize(
    "name, code",
    [
        ("16.05", "16.05"),
        ("16", "16"),
        ("musi rawas", "16.05"),
        ("Kabupaten Musi Rawas", "16.05"),
        ("musi rawas utara", "16.13"),
        ("ogan komering ulu", "16.01"),
        ("banyuasin", "16.07"),
        (" Palembang ", "16.71"),
        ("lubuk", "16.73"),
    ],
)
def test_a_name_means_the_regency_of_exactly_this_name_or_else_of_a_part(name: str, code: str):
    assert code_of(Roster.default(), name) == code


@pytest.mark.parametrize(
    "name, problem",
    [
        ("musi", "several have this name: 16.05 Kabupaten Musi Rawas, 16.06 Kabupaten"),
        ("Atlantis", "not in the roster"),
    ],
)
def test_a_name_of_no_regency_or_of_several_is_one_line(name: str, problem: str):
    with pytest.raises(CommandError, match=problem):
        code_of(Roster.default(), name)


@pytest.fixture
def folded(broker: EmbeddedBroker, fresh_prefix: str, published: None) -> None:
    """The ledger of that morning, in event time; all intake shards have read on to ten o'clock."""
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    incidents = [incident("a", EIGHT_MS, "clash", 4, source="polri"), CONFIRMATION]
    counts = [turnout("t", EIGHT_MS + 11 * MINUTE_MS, "TPS 001", 100, village="16.71.01.1001")]
    for kind, reports in ((Topic.INCIDENTS, incidents), (Topic.TURNOUT, counts)):
        for value, inputs in encode_reports(fresh_prefix + kind, 0, reports, list(range(len(reports)))):
            headers = [(INPUT_HEADER, inputs)]
            producer.send(fresh_prefix + "ledger", value, PALEMBANG.encode(), headers, partition=LEDGER)
    for shard in (f"{topic.value}-{number}" for topic in INPUTS for number in range(3)):
        producer.send(
            fresh_prefix + "ledger",
            watermark_frame(EIGHT_MS + 2 * HOUR_MS, shard, False),
            key=TICK_KEY,
            partition=LEDGER,
        )
    producer.flush()
    producer.close()


@pytest.mark.usefixtures("folded")
@pytest.mark.parametrize(
    "local, expected", [("08:05", "waspada (watch)"), ("08:40", "siaga (alert)"), ("09:45", "siaga (alert)")]
)
def test_a_past_state_is_folded_from_the_ledger_even_between_events(siaga: Siaga, local: str, expected: str):
    done = siaga("explain", "16.71", "--at", f"2024-11-27T{local}:30+07:00", "--lang", "en", "--clock", "event")
    assert (done.status, done.err) == (0, "")
    if expected.startswith("siaga"):
        assert "polri/i-a: confirmed, words of bawaslu, polri stand" in done.out.decode()
    first = done.out.decode().splitlines()[0]
    assert f"is at {expected}" in first and first.endswith(f"as of 2024-11-27 {local}:00+0700.")


@pytest.mark.usefixtures("folded")
def test_a_past_state_is_folded_with_the_station_roster_of_the_workers(siaga: Siaga, tmp_path: Path):
    file = tmp_path / "stations.csv"
    file.write_text("regency,village,station,registered\n16.71,16.71.01.1001,TPS 002,300\n", encoding="utf-8")
    at = ("explain", "16.71", "--at", "2024-11-27T08:40:00+07:00", "--lang", "en", "--clock", "event")
    listed, unlisted = siaga(*at).out.decode(), siaga(*at, "--stations", str(file)).out.decode()
    assert "1 of 2264 stations reported" in listed and "Not in the station roster" not in listed
    assert "Not in the station roster, and in no total: 1 stations." in unlisted


@pytest.mark.usefixtures("folded")
def test_before_the_first_entry_there_is_nothing_to_explain(siaga: Siaga):
    done = siaga("explain", "16.71", "--at", "2024-11-27T07:30:00+07:00", "--clock", "event")
    assert done.status == 1 and "nothing has been published about 16.71 until 2024-11-27T07:30:00+07:00" in done.err


@pytest.mark.usefixtures("folded")
@pytest.mark.parametrize(
    "arguments", [("explain", "16.71", "--at", "2024-11-27T08:05:00+07:00"), ("audit",)], ids=["explain", "audit"]
)
def test_another_clock_than_the_workers_is_one_line(siaga: Siaga, arguments: tuple[str, ...]):
    done = siaga(*arguments, "--clock", "wall")
    assert (done.status, len(done.error_lines)) == (2, 1) and "was not written with this clock" in done.err


@pytest.mark.usefixtures("folded")
def test_without_the_beginning_of_the_ledger_the_last_change_is_explained(
    siaga: Siaga, broker: EmbeddedBroker, fresh_prefix: str
):
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.delete_records({TopicPartition(fresh_prefix + "ledger", LEDGER): 1})
    admin.close()
    done = siaga("explain", "16.71", "--at", "2024-11-27T08:05:00+07:00", "--lang", "en", "--clock", "event")
    assert done.status == 0 and "it no longer holds its beginning" in done.err
    assert "raised to waspada (watch)" in done.out.decode() and "siaga" not in done.out.decode()


@pytest.mark.usefixtures("topics")
def test_a_time_that_cannot_be_read_is_one_line(siaga: Siaga):
    done = siaga("explain", "16.71", "--at", "yesterday")
    assert done.status == 2 and "is not RFC 3339" in done.err and len(done.error_lines) == 1


@pytest.mark.usefixtures("topics")
def test_a_regency_without_messages_is_one_line(siaga: Siaga):
    done = siaga("explain", "16.72")
    assert done.status == 1 and "nothing has been published about 16.72" in done.err
