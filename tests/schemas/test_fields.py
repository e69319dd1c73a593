"""Times on the hot path are what they are everywhere else."""

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fields import TIMESTAMP_PATTERN, milliseconds, milliseconds_of


@given(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),
    st.sampled_from(["", ".0", ".5", ".12", ".999", ".0001", ".123456", ".999999999"]),
    st.sampled_from(["Z", "+00:00", "+07:00", "-00:01", "+23:59", "-23:59"]),
)
def test_a_text_has_the_milliseconds_of_its_time(moment, fraction, offset):
    text = moment.strftime("%Y").zfill(4) + moment.strftime("-%m-%dT%H:%M:%S") + fraction + offset
    assert re.match(TIMESTAMP_PATTERN, text)
    assert milliseconds_of(text) == milliseconds(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    "text", ["2024-02-30T12:00:00Z", "2024-02-30T12:00:00.123456789+07:00", "0000-01-01T00:00:00+07:00"]
)
def test_a_day_outside_the_calendar_is_an_error(text):
    assert re.match(TIMESTAMP_PATTERN, text)
    with pytest.raises(ValueError):
        milliseconds_of(text)
