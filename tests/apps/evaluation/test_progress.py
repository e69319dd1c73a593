"""Progress without a terminal: a line from time to time, with how many of how many."""

from apps.evaluation.progress import EVERY_S, progress


def lines_of(capsys, seconds):
    """What is shown for items that are each done at one of these times."""
    now = [0.0]

    def items():
        for second in seconds:
            now[0] = second
            yield second

    assert list(progress(items(), len(seconds), "days", lambda: now[0])) == seconds
    return capsys.readouterr().err.splitlines()


def test_a_line_says_how_many_of_how_many_are_done(capsys):
    assert lines_of(capsys, [EVERY_S, 2 * EVERY_S]) == ["days: 0 of 2", "days: 1 of 2", "days: 2 of 2"]


def test_lines_are_at_least_ten_seconds_apart(capsys):
    seconds = [second / 2 for second in range(1, 51)]  # two a second, for 25 s
    assert lines_of(capsys, seconds) == ["days: 0 of 50", "days: 20 of 50", "days: 40 of 50"]
