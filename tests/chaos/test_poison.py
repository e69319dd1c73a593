"""10,000 malformed payloads: the gate never raises, and its verdicts are those of the recount's contract."""

import time
from collections import Counter

from schemas.roster import Roster
from schemas.topics import Topic
from schemas.vocabulary import RejectReason
from streams.admission import Admitted, ClockMode, Gate
from tests.chaos.poison import poison
from tests.recount.contract import judge

COUNT = 10_000


def test_the_gate_admits_and_rejects_what_the_contract_says():
    codes = set(Roster.default())
    gate, now_ms = Gate(Roster.default(), ClockMode.WALL), time.time_ns() // 1_000_000
    seen: Counter[str] = Counter()
    wrong = []
    for message in poison(1, COUNT, sorted(codes)):
        decision = gate.admit(Topic(message.topic), message.value, message.headers, now_ms)
        want = judge(message.topic, message.value, dict(message.headers), codes, now_ms)
        got = "taken" if isinstance(decision, Admitted) else decision.reason.value
        seen[got] += 1
        if got != (want.reason or "taken"):
            wrong.append((got, want.reason or "taken", (message.value or b"")[:400], message.headers))
    assert not wrong, f"{len(wrong)}: " + "\n".join(map(repr, wrong[:10]))
    for outcome in (*RejectReason, "taken"):
        assert seen[outcome], f"no payload was {outcome}: {dict(seen)}"


def test_an_error_text_holds_nothing_of_the_payload():
    codes, now_ms = sorted(Roster.default()), time.time_ns() // 1_000_000
    gate = Gate(Roster.default(), ClockMode.WALL)
    for message in poison(2, 2000, codes):
        decision = gate.admit(Topic(message.topic), message.value, message.headers, now_ms)
        if not isinstance(decision, Admitted):
            error = decision.error
            assert len(error) <= 200 and "\n" not in error and error.isprintable()
            assert not any(word in error for word in ("DROP", "script", "passwd", "xxxx"))
