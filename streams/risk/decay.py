"""Exponential decay without error: forward decay in whole numbers.

Cormode, Shkapenyuk, Srivastava, Xu: "Forward decay", ICDE 2009. Instead of shrinking all old weights as time passes,
each new weight is multiplied by the growth from a fixed landmark to its time, and the sum is divided by the growth to
now when it is read. Here the growth is an integer, so adding and subtracting are exact inverses, in any order, and a
sum of nothing is 0.

The landmark moves by BLOCK half-lives at a time. Everything still counted was multiplied by at least 2^BLOCK by then,
so the shift that moves a sum to the new landmark loses no bit.
"""

FRACTIONS = 256  # steps per half-life: growth is exact to 2^(1/256), 0.3 %
BLOCK = 40  # half-lives between two landmarks
_GROWTH = tuple(round(2 ** (i / FRACTIONS) * 65536) for i in range(FRACTIONS))


class Decay:
    """Landmarks and growth for one half-life. `span_ms` is how far behind the clock a counted event can lie."""

    __slots__ = ("half_life_ms", "_block_ms", "_lead_ms")

    def __init__(self, half_life_ms: int, span_ms: int) -> None:
        self.half_life_ms = half_life_ms
        self._block_ms = BLOCK * half_life_ms
        self._lead_ms = -(-span_ms // half_life_ms) * half_life_ms

    def landmark(self, now_ms: int) -> int:
        """The landmark in force at `now_ms`; never later than `now_ms` minus the span."""
        return now_ms // self._block_ms * self._block_ms - self._lead_ms

    def growth(self, at_ms: int, landmark_ms: int) -> int:
        """The factor of a weight at `at_ms` (not before the landmark), times 65,536."""
        steps = (at_ms - landmark_ms) * FRACTIONS // self.half_life_ms
        return _GROWTH[steps & 255] << (steps >> 8)

    def shift(self, old_landmark_ms: int, new_landmark_ms: int) -> int:
        """By how many bits a sum moves to the right when the landmark moves."""
        return (new_landmark_ms - old_landmark_ms) // self.half_life_ms
