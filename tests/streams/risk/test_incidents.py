"""Windows and sums of incidents against a recount of everything from scratch."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.risk.evidence import Kind
from streams.risk.incidents import Incidents
from streams.risk.record import report_of
from streams.risk.words import Word
from tests.streams.ledgers import COMPILED, EIGHT_MS, HOUR_MS, MINUTE_MS, PALEMBANG, incident, run, tick

WINDOWS = {"1h": HOUR_MS, "6h": 6 * HOUR_MS, "24h": 24 * HOUR_MS}
WEIGHTS = {1: 1, 2: 2, 3: 4, 4: 8, 5: 16}
REPORTS = st.lists(
    st.tuples(
        st.integers(0, 12),  # incident
        st.integers(1, 5),  # revision
        st.integers(1, 5),  # severity
        st.sampled_from(["reported", "verified", "resolved", "retracted"]),
        st.sampled_from([0, 1, 999, 15_000, MINUTE_MS, HOUR_MS, 5 * HOUR_MS, 25 * HOUR_MS]),  # time since the last
        st.sampled_from(
            [-MINUTE_MS, 0, 1, HOUR_MS - 1, HOUR_MS, HOUR_MS + 1, 6 * HOUR_MS, 24 * HOUR_MS, 30 * HOUR_MS]
        ),  # age
    ),
    max_size=40,
)


def recount(known: dict[int, tuple], clock_ms: int) -> dict:
    windows = {}
    for name, length in WINDOWS.items():
        inside = [sev for _, sev, status, at in known.values() if status != "retracted" and at > clock_ms - length]
        windows[name] = {"incidents": len(inside), "weight": sum(WEIGHTS[severity] for severity in inside)}
    return windows


@settings(max_examples=200, deadline=None)
@given(REPORTS)
def test_windows_are_the_recount_after_every_report(reports):
    known: dict[int, tuple] = {}
    clock_ms, frames = EIGHT_MS, []
    late = 0
    for number, (subject, revision, severity, status, later_ms, age_ms) in enumerate(reports):
        clock_ms += later_ms
        occurred = clock_ms - age_ms
        frames.append((PALEMBANG, [incident(number, clock_ms, "clash", severity, status=status, revision=revision,
                                            incident=subject, occurred_ms=occurred)]))  # fmt: skip
        if subject not in known or known[subject][0] < revision:
            known[subject] = (revision, severity, status, occurred)
            late += occurred <= clock_ms - 24 * HOUR_MS
        row = run(frames).row(PALEMBANG) if number == len(reports) - 1 else None
        if row:
            assert row["windows"] == recount(known, clock_ms)
            assert row["excluded"]["late"] == late


def test_an_incident_leaves_each_window_to_the_millisecond():
    report = (PALEMBANG, [incident("a", EIGHT_MS, "clash", 3)])
    for name, length in WINDOWS.items():
        last = run([report, tick(EIGHT_MS + length - 1)]).row(PALEMBANG)["windows"]
        after = run([report, tick(EIGHT_MS + length)]).row(PALEMBANG)["windows"]
        assert last[name] == {"incidents": 1, "weight": 4}
        assert after[name] == {"incidents": 0, "weight": 0}


def test_a_late_report_counts_in_the_windows_its_time_falls_in():
    seven_hours = incident("a", EIGHT_MS, "clash", 3, occurred_ms=EIGHT_MS - 7 * HOUR_MS)
    row = run([(PALEMBANG, [seven_hours])]).row(PALEMBANG)
    assert [row["windows"][name]["incidents"] for name in WINDOWS] == [0, 0, 1]
    assert row["excluded"]["late"] == 0
    two_days = incident("b", EIGHT_MS, "clash", 3, occurred_ms=EIGHT_MS - 48 * HOUR_MS)
    row = run([(PALEMBANG, [seven_hours]), (PALEMBANG, [two_days])]).row(PALEMBANG)
    assert row["windows"]["24h"]["incidents"] == 1
    assert row["excluded"]["late"] == 1


def test_sums_are_zero_to_the_bit_once_everything_is_out():
    incidents = Incidents(COMPILED, 2264)
    incidents.advance(EIGHT_MS)
    kinds = [COMPILED.kinds["clash", severity] for severity in range(1, 6)]
    reports = [
        report_of(f"s{n % 3} {n}", [_word(f"s{n % 3} {n}", kinds[n % 5], EIGHT_MS - n * 170_000)], 1)
        for n in range(500)
    ]
    incidents.hold(reports)
    incidents.advance(EIGHT_MS + 5 * HOUR_MS)
    for name, _, kind, _, occurred_ms, *_ in reports:
        incidents.release(name)
        told = _word(name, kind, occurred_ms, "retracted")
        incidents.hold([report_of(name, [told], 1)])
    assert incidents.totals == [0] * 4 and incidents.weights == [0, 0, 0] and not any(incidents.counts)
    assert not any(incidents.by_agency) and not incidents.urgent
    assert (incidents.candidates.pairs, incidents.candidates.doubles) == (0, set())


def _word(number: str, kind: Kind, occurred_ms: int, status: str = "reported") -> Word:
    """What its origin says of an incident, at one of four places."""
    source, _, n = number.partition(" ")
    place = f"16.71.01.100{int(n) % 4} TPS 001"
    return Word(number, source, source, 1, kind, status, occurred_ms, occurred_ms, place)


@given(
    st.lists(
        # incident, first reported so many minutes ago, evaluation steps that pass
        st.tuples(st.integers(0, 5), st.integers(0, 90), st.sampled_from([0, 1, 30, 59, 60, 61])),
        max_size=30,
    )
)
def test_what_was_first_reported_in_the_last_hour_is_urgent_in_any_order(steps):
    incidents, first, now_ms = Incidents(COMPILED, 2264), {}, EIGHT_MS
    incidents.advance(now_ms)
    kind = COMPILED.kinds["clash", 5]
    for subject, ago, passes in steps:
        name, since_ms = str(subject), now_ms - ago * MINUTE_MS
        if name in incidents.records:
            incidents.release(name)
        incidents.hold([(name, 1, kind, "reported", now_ms, "a", 1, "a", since_ms, now_ms, None, (), "")])
        first[name] = since_ms
        now_ms += passes * COMPILED.step_ms
        incidents.advance(now_ms)
        first = {name: at_ms for name, at_ms in first.items() if at_ms > now_ms - HOUR_MS}
        assert set(incidents.urgent) == set(first)
        counted = {kind: sum(incidents.urgent.agencies(kind).values()) for kind in incidents.urgent.kinds()}
        assert counted == ({(0, 5, False): len(first)} if first else {})
