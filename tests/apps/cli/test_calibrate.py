"""`siaga calibrate`: the table, the file, errors of one line; and the same from files and from a broker's ledger."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kafka import KafkaProducer

from apps.cli.calibrate import command
from apps.embedded import EmbeddedBroker
from apps.simulation.campaign import campaign_days
from apps.simulation.day import Plan, simulate_day
from schemas.ledger import BROKER_AHEAD_MS, INPUT_HEADER, TICK_KEY, encode_reports, partition_of, tick_frame
from schemas.roster import Roster
from schemas.ruleset import Ruleset
from schemas.topics import Topic
from schemas.vocabulary import DAY_MS
from streams.admission import Admitted, ClockMode, Gate
from tests.apps.cli.siaga import Siaga

ROSTER = Roster.default()
PLANS = campaign_days(Plan(3, world="shifts"), 5)
ENDS_MS = PLANS[-1].start_ms + DAY_MS
ARRIVED = [message for plan in PLANS for message in simulate_day(ROSTER, plan).messages]
MESSAGES = [message for message in ARRIVED if message.at_ms < ENDS_MS]  # the last day's late ones come after it


@pytest.fixture
def recorded(tmp_path: Path) -> str:
    path = tmp_path / "campaign.jsonl"
    path.write_bytes(b"".join(message.value + b"\n" for message in MESSAGES))
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def table(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("|")]


def test_the_table_is_printed_and_the_file_is_a_ruleset(recorded: str, tmp_path: Path):
    out = tmp_path / "new.toml"
    result = run("--incidents", recorded, "--out", str(out))
    assert result.exit_code == 0, result.output
    new = Ruleset.parse(out.read_text(), "new.toml")
    assert new.id == "sumsel-pilkada-2024-calibrated-20241126@8"
    assert f"sumsel-pilkada-2024@8 -> {new.id}" in result.output
    assert "5 campaign days from 2024-11-22 to 2024-11-26, 85 regency-days" in result.output
    for name, rule in new.categories.items():
        is_listed = any(f"day of {name} " in line for line in table(result.output))
        assert is_listed == (rule.base_rate != Ruleset.default().categories[name].base_rate)
    assert f"{new.id} written to {out}" in result.stderr


def test_without_out_nothing_is_written(recorded: str, tmp_path: Path):
    before = set(tmp_path.iterdir())
    assert run("--incidents", recorded).exit_code == 0
    assert set(tmp_path.iterdir()) == before


def test_a_written_ruleset_is_a_base(recorded: str, tmp_path: Path):
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    assert run("--incidents", recorded, "--out", str(first)).exit_code == 0
    assert run("--incidents", recorded, "--base", str(first), "--out", str(second)).exit_code == 0
    assert Ruleset.parse(second.read_text()).version == Ruleset.parse(first.read_text()).version + 1


def test_the_period_can_be_chosen(recorded: str):
    result = run("--incidents", recorded, "--from", "2024-11-23", "--to", "2024-11-25")
    assert "3 campaign days from 2024-11-23 to 2024-11-25, 51 regency-days" in result.output


def test_election_days_give_hours_and_no_ratio(recorded: str):
    output = run("--incidents", recorded, "--election-day").output
    assert "| hours, %, of logistics" in output
    assert "of the reports of an election day" not in output


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--from", "2024-11-25"], 1, "Error: 2 recorded days are too few: calibration.days_least is 3; nothing is ch"),
        (["--from", "2023-01-01", "--to", "2023-02-01"], 1, "Error: 0 recorded days are too few"),
        (["--from", "yesterday"], 2, "Error: --from: 'yesterday' is not a date YYYY-MM-DD"),
        (["--from", "2024-11-25", "--to", "2024-11-24"], 2, "Error: --from, --to: the first day comes after the last"),
        (["--base", "absent.toml"], 2, "Error: --base: absent.toml: No such file or directory"),
        (["--roster", "absent.csv"], 2, "absent.csv"),
        (["--out", "absent/new.toml"], 1, "Error: --out: absent/new.toml: No such file or directory"),
    ],
)
def test_what_is_wrong_is_one_line(recorded: str, arguments: list[str], status: int, said: str):
    result = run("--incidents", recorded, *arguments)
    assert result.exit_code == status
    assert said in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output


def test_an_absent_file_is_named():
    result = run("--incidents", "absent.jsonl")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        2,
        "Error: --incidents: absent.jsonl: No such file or directory",
    )


def write_ledger(broker: EmbeddedBroker, prefix: str, until_ms: int) -> None:
    """The messages as intake writes them with the wall clock, and one last tick for each partition."""
    gate, producer = Gate(ROSTER, ClockMode.WALL), KafkaProducer(bootstrap_servers=broker.bootstrap)
    for offset, message in enumerate(MESSAGES):
        admitted = gate.admit(Topic.INCIDENTS, message.value, (), message.at_ms)
        assert isinstance(admitted, Admitted)
        key, partition = admitted.regency.encode(), partition_of(admitted.regency, 3)
        for value, header in encode_reports(f"{prefix}incidents", 0, [admitted.entry], [offset]):
            producer.send(f"{prefix}ledger", value, key, [(INPUT_HEADER, header)], partition, message.at_ms)
    for partition in range(3):
        producer.send(f"{prefix}ledger", tick_frame(until_ms), TICK_KEY, None, partition, until_ms)
    producer.flush()
    producer.close()


@pytest.mark.usefixtures("topics")
def test_the_ledger_tells_what_the_files_tell_and_a_day_that_is_not_over_does_not_count(
    siaga: Siaga, broker: EmbeddedBroker, fresh_prefix: str, recorded: str
):
    write_ledger(broker, fresh_prefix, ENDS_MS - BROKER_AHEAD_MS - 1)
    done = siaga("calibrate", "--election-day")
    assert done.status == 0, done.err
    assert "4 election days from 2024-11-22 to 2024-11-25" in done.out.decode()
    whole = siaga("calibrate", "--to", "2024-11-26")
    from_files = run("--incidents", recorded)
    assert whole.out.decode() == from_files.stdout
