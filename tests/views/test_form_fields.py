"""Fields of the forms: the day of whoever writes it, and texts by what can be seen of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from complaints.forms.fields import DAY_FORMATS, FIRST_DAY, DayField, MinVisibleLength, VisibleField, latest_day

ZONES = [ZoneInfo(f"Asia/{city}") for city in ("Jakarta", "Pontianak", "Makassar", "Jayapura")]
BLANK = st.text(st.sampled_from(" \t\u00a0\u200b\ufeff\u2060"), max_size=5)


@given(st.integers(0, 400 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)))
def test_the_latest_day_is_today_where_the_day_begins_first(now: datetime) -> None:
    assert latest_day(now) == max(now.astimezone(zone).date() for zone in ZONES)


@given(st.dates(FIRST_DAY, date(2099, 12, 31)), st.sampled_from(["%Y-%m-%d", *DAY_FORMATS]), BLANK)
def test_a_day_is_read_in_each_spelling(day: date, spelling: str, blank: str) -> None:
    field = DayField(required=False, input_formats=DAY_FORMATS)
    assert field.clean(f"{blank}{day.strftime(spelling)}{blank}") == day
    assert field.clean(blank) is None


@pytest.mark.parametrize("typed", ["0001-01-01", "31.12.1999", "kemarin", "31/02/2026", "2/11/26"])
def test_what_is_no_day_of_this_century_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        DayField(required=False, input_formats=DAY_FORMATS).clean(typed)


@given(st.text(max_size=60), BLANK)
def test_a_text_is_as_long_as_what_can_be_seen_of_it(typed: str, blank: str) -> None:
    judge = MinVisibleLength(50)
    assert judge.clean(blank + typed + blank) == judge.clean(typed) <= len(typed)
    assert VisibleField(required=False).clean(blank * 20) == ""
