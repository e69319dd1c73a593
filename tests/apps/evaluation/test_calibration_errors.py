"""The figures of calibration: a row for each world, nearer to the truth than before."""

import pytest

from apps.evaluation.calibration_errors import main


def test_a_row_per_world_shows_smaller_errors(capsys: pytest.CaptureFixture[str]):
    assert main(["--campaigns", "4", "--worlds", "bawaslu,shifts"]) == 0
    _, _, bawaslu, shifts = capsys.readouterr().out.splitlines()
    assert bawaslu.startswith("| bawaslu | 0.01 |") and bawaslu.endswith("| - | - |")
    _, world, before, after, held, ratio, mix_before, mix_after, _ = shifts.split("|")
    assert world == " shifts "
    assert float(after) < float(before) and float(mix_after) < float(mix_before)
    assert 0 < float(ratio) < 0.6
    assert held.endswith("of 24 ")


@pytest.mark.parametrize(
    ("arguments", "said"), [(["--worlds", "mars"], "--worlds: no world mars"), (["--days", "0"], "must be at least 1")]
)
def test_wrong_arguments_are_named(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(arguments)
    assert said in capsys.readouterr().err
