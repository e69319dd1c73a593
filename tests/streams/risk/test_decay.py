"""Forward decay: exact inverses, no bit lost when the landmark moves, and the decay it claims."""

from hypothesis import given
from hypothesis import strategies as st

from streams.risk.decay import BLOCK, FRACTIONS, Decay
from tests.streams.ledgers import EIGHT_MS, HOUR_MS

DAY_MS = 24 * HOUR_MS
DECAY = Decay(HOUR_MS, DAY_MS)
WEIGHTS = st.lists(st.tuples(st.integers(1, 16_000), st.integers(0, DAY_MS - 1)), min_size=1, max_size=30)


def grown(weight: int, at_ms: int, now_ms: int) -> int:
    return weight * DECAY.growth(at_ms, DECAY.landmark(now_ms))


@given(WEIGHTS, st.randoms(use_true_random=False))
def test_taking_everything_away_in_any_order_leaves_exactly_nothing(weights, chance):
    total = sum(grown(weight, EIGHT_MS - age, EIGHT_MS) for weight, age in weights)
    chance.shuffle(weights)
    for weight, age in weights:
        total -= grown(weight, EIGHT_MS - age, EIGHT_MS)
    assert total == 0


@given(WEIGHTS, st.integers(0, 400 * DAY_MS))
def test_moving_the_landmark_loses_no_bit(weights, start_ms):
    """What is counted a day before and after a move is the same sum, bit for bit."""
    block_ms = BLOCK * HOUR_MS
    move_ms = (start_ms // block_ms + 2) * block_ms
    old, new = DECAY.landmark(move_ms - 1), DECAY.landmark(move_ms)
    ages = [(weight, move_ms - 1 - age) for weight, age in weights]
    counted = [(weight, at_ms) for weight, at_ms in ages if at_ms > move_ms - DAY_MS]
    before = sum(weight * DECAY.growth(at_ms, old) for weight, at_ms in counted)
    after = sum(weight * DECAY.growth(at_ms, new) for weight, at_ms in counted)
    assert before >> DECAY.shift(old, new) == after
    assert after << DECAY.shift(old, new) == before


@given(st.integers(1, 16_000), st.integers(0, DAY_MS - 1))
def test_it_halves_every_half_life(weight, age):
    value = grown(weight, EIGHT_MS - age, EIGHT_MS) / DECAY.growth(EIGHT_MS, DECAY.landmark(EIGHT_MS))
    truth = weight * 0.5 ** (age / HOUR_MS)
    step = 2 ** (1 / FRACTIONS) * (1 + 2**-16)  # the grid of the growth, and its rounding
    assert truth / step <= value <= truth * step
