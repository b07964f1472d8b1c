"""Date formats: both ways, both clocks, zones whose clocks leap, and the ends of the calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.dates import DateFormat
from schemas.filters import instant

BERLIN = "%d.%m.%Y %H:%M@Europe/Berlin"
TWELVE = "%m/%d/%Y %I:%M %p@America/New_York"

BOTH_WAYS = [
    ("%Y-%m-%d", "2026-11-21T00:00:00Z", "2026-11-21"),
    ("%Y-%m-%dT%H:%M:%SZ", "2026-11-21T18:23:38Z", "2026-11-21T18:23:38Z"),
    ("%Y%m%d%H%M%S", "2026-01-02T03:04:05Z", "20260102030405"),
    ("%d/%m/%y", "2026-11-21T00:00:00Z", "21/11/26"),
    ("%d/%m/%y", "1969-01-01T00:00:00Z", "01/01/69"),
    ("%d/%m/%y", "2068-12-31T00:00:00Z", "31/12/68"),
    ("%d %b %Y", "2026-03-01T00:00:00Z", "01 Mar 2026"),
    ("%A, %d %B %Y", "2026-11-21T00:00:00Z", "Saturday, 21 November 2026"),
    ("%Y/%j", "2024-12-31T00:00:00Z", "2024/366"),
    ("%Y-%m-%d %H:%M:%S.%f", "2026-11-21T18:23:38.000250Z", "2026-11-21 18:23:38.000250"),
    ("%H h %M, %d.%m. (März) %Y %%@UTC", "2026-03-21T07:08:00Z", "07 h 08, 21.03. (März) 2026 %"),
    ("%Y-%m-%d um %H@Asia/Kolkata", "2026-11-21T18:30:00Z", "2026-11-22 um 00"),
    (BERLIN, "2026-07-01T12:05:00Z", "01.07.2026 14:05"),
    (BERLIN, "2026-12-01T12:05:00Z", "01.12.2026 13:05"),
    ("%Y-%m-%d %H:%M %z@Europe/Berlin", "2026-07-01T12:05:00Z", "2026-07-01 14:05 +0200"),
    ("%Y-%m-%dT%H:%M%z@Asia/Kathmandu", "2026-07-01T12:05:00Z", "2026-07-01T17:50+0545"),
    # The clock of twelve hours: midnight and noon are twelve.
    (TWELVE, "2026-11-21T05:00:00Z", "11/21/2026 12:00 AM"),
    (TWELVE, "2026-11-21T05:01:00Z", "11/21/2026 12:01 AM"),
    (TWELVE, "2026-11-21T16:59:00Z", "11/21/2026 11:59 AM"),
    (TWELVE, "2026-11-21T17:00:00Z", "11/21/2026 12:00 PM"),
    (TWELVE, "2026-11-21T18:00:00Z", "11/21/2026 01:00 PM"),
    # Just before and after a clock leaps forward.
    (BERLIN, "2026-03-29T00:59:00Z", "29.03.2026 01:59"),
    (BERLIN, "2026-03-29T01:00:00Z", "29.03.2026 03:00"),
    (TWELVE, "2026-03-08T06:59:00Z", "03/08/2026 01:59 AM"),
    (TWELVE, "2026-03-08T07:00:00Z", "03/08/2026 03:00 AM"),
    # The hour that comes twice: the first one, and the second one told by its offset.
    (BERLIN, "2026-10-25T00:30:00Z", "25.10.2026 02:30"),
    ("%Y-%m-%d %H:%M %z@Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25 02:30 +0200"),
    ("%Y-%m-%d %H:%M %z@Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25 02:30 +0100"),
    # Lord Howe leaps by half an hour; Apia had no 30 December 2011.
    ("%Y-%m-%d %H:%M@Australia/Lord_Howe", "2026-10-03T15:30:00Z", "2026-10-04 02:30"),
    ("%Y-%m-%d %H:%M@Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31 00:00"),
    # Offsets of before there were zones have seconds.
    ("%Y-%m-%d %H:%M:%S %z@Europe/Berlin", "1890-01-01T00:00:00Z", "1890-01-01 00:53:28 +005328"),
    # The ends of the calendar.
    ("%Y-%m-%d %H:%M", "0001-01-01T00:00:00Z", "0001-01-01 00:00"),
    ("%d.%m.%Y", "0999-07-08T00:00:00Z", "08.07.0999"),
    ("%Y-%m-%d %H:%M:%S", "9999-12-31T23:59:59Z", "9999-12-31 23:59:59"),
    ("%Y-%m-%d %H:%M@America/New_York", "9999-12-31T23:59:00Z", "9999-12-31 18:59"),
    ("%Y-%m-%d", "2000-02-29T00:00:00Z", "2000-02-29"),
]


@pytest.mark.parametrize(("form", "moment", "text"), BOTH_WAYS)
def test_both_ways(form: str, moment: str, text: str) -> None:
    made = DateFormat.parse(form)
    assert made.written(moment) == text
    assert made.read(text) == moment
    assert DateFormat.parse(str(made)) == made


ONLY_WRITTEN = [
    # The second half past two is written as the first.
    (BERLIN, "2026-10-25T01:30:00Z", "25.10.2026 02:30"),
    (BERLIN, "2026-10-25T02:30:00+02:00", "25.10.2026 02:30"),
    ("%d.%m.%Y@Europe/Berlin", "2026-11-21T23:30:00Z", "22.11.2026"),
    ("%Y-%m-%d", "2026-11-21T23:30:00.123Z", "2026-11-21"),
    ("%Y", "2026-11-21T23:30:00Z", "2026"),
    # A day stays the day that it is, whatever the zone.
    ("%d.%m.%Y@Pacific/Kiritimati", "2001-02-03", "03.02.2001"),
    ("%d.%m.%Y %H:%M@America/Los_Angeles", "2001-02-03", "03.02.2001 00:00"),
]


@pytest.mark.parametrize(("form", "moment", "text"), ONLY_WRITTEN)
def test_written(form: str, moment: str, text: str) -> None:
    assert DateFormat.parse(form).written(moment) == text


ONLY_READ = [
    ("%d.%m.%Y", "1.2.2026", "2026-02-01T00:00:00Z"),
    ("%d %b %Y", " 01 MAR 2026 ", "2026-03-01T00:00:00Z"),
    ("%I:%M %p %d.%m.%Y", "1:05 pm 21.11.2026", "2026-11-21T13:05:00Z"),
    # A day without a time begins when it begins: here at one o'clock.
    ("%d.%m.%Y@America/Sao_Paulo", "04.11.2018", "2018-11-04T03:00:00Z"),
    ("%Y-%m-%d %H:%M %z", "2026-07-01 14:05 +0200", "2026-07-01T12:05:00Z"),
]


@pytest.mark.parametrize(("form", "text", "moment"), ONLY_READ)
def test_read(form: str, text: str, moment: str) -> None:
    assert DateFormat.parse(form).read(text) == moment


def test_a_day_is_read_without_a_zone() -> None:
    made = DateFormat.parse("%d.%m.%Y@Pacific/Kiritimati")
    assert made.read_day("03.02.2001") == "2001-02-03"
    assert made.read("03.02.2001") == "2001-02-02T10:00:00Z"


@pytest.mark.parametrize(
    ("form", "value", "reason"),
    [
        ("%Y-%m-%d", "0000-01-01T00:00:00Z", "years 1 to 9999"),
        ("%Y-%m-%d", "10000-01-01T00:00:00Z", "years 1 to 9999"),
        ("%Y-%m-%d", "2026-02-30T00:00:00Z", "no date"),
        ("%Y-%m-%d", "soon", "no date"),
        ("%Y-%m-%d", "", "no date"),
        (BERLIN, "9999-12-31T23:30:00Z", "beyond"),
        (TWELVE, "0001-01-01T00:00:00Z", "beyond"),
        ("%d.%m.%y", "1968-12-31T00:00:00Z", "two digits"),
        ("%d.%m.%y", "9999-12-31T00:00:00Z", "two digits"),
    ],
)
def test_what_cannot_be_written(form: str, value: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        DateFormat.parse(form).written(value)


@pytest.mark.parametrize(
    ("form", "text", "reason"),
    [
        ("%Y-%m-%d", "0000-01-01", "no date as"),
        ("%Y-%m-%d", "2026-02-29", "no date as"),
        ("%Y-%m-%d", "26-02-09", "no date as"),
        ("%Y-%m-%d", "2026-02-09 10:00", "no date as"),
        ("%H:%M %d.%m.%Y", "24:00 21.11.2026", "no date as"),
        ("%I:%M %p %d.%m.%Y", "13:00 PM 21.11.2026", "no date as"),
        (BERLIN, "29.03.2026 02:30", "leap over"),
        (TWELVE, "03/08/2026 02:00 AM", "leap over"),
        ("%Y-%m-%d %H:%M@Pacific/Apia", "2011-12-30 12:00", "leap over"),
        ("%Y-%m-%d %H:%M@America/New_York", "9999-12-31 23:00", "beyond"),
        ("%Y-%m-%d %H:%M@Asia/Tokyo", "0001-01-01 00:00", "beyond"),
        ("%Y", "2026", "no whole day"),
        ("%d.%m.", "21.11.", "no whole day"),
    ],
)
def test_what_cannot_be_read(form: str, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        DateFormat.parse(form).read(text)


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("", "no part"),
        ("YYYY-MM-DD", "no part"),
        ("%Y-%Q", "%Q"),
        ("%Y-%", "no date is written with"),
        ("%c", "%c"),
        ("%I:%M", "only together"),
        ("%H:%M %p", "only together"),
        ("%Y@Europe/Nowhere", "no zone"),
        ("%Y@../etc/passwd", "no zone"),
        ("%Y@", "no zone"),
        ("%Q@Europe/Berlin", "%Q"),
    ],
)
def test_what_is_no_format(form: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        DateFormat.parse(form)


def test_an_at_sign_of_the_pattern() -> None:
    assert DateFormat.parse("%d.%m.%Y@%H:%M").written("2026-11-21T01:02:00Z") == "21.11.2026@01:02"


@given(
    st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)),
    st.timezone_keys(allow_prefix=False),
)
def test_with_its_offset_every_moment_comes_back(moment: datetime, zone: str) -> None:
    made = DateFormat.parse(f"%Y-%m-%d %I:%M:%S.%f %p %z@{zone}")
    text = moment.replace(tzinfo=UTC).isoformat()
    assert instant(made.read(made.written(text))) == instant(text)


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
)
def test_what_is_written_is_read_as_the_first_moment_of_that_text(
    moment: datetime, zone: str
) -> None:
    made = DateFormat.parse(f"%Y-%m-%d %H:%M:%S.%f@{zone}")
    text = made.written(moment.replace(tzinfo=UTC).isoformat())
    read = instant(made.read(text))
    assert read is not None
    assert made.written(read.isoformat()) == text
    assert read <= moment.replace(tzinfo=UTC)


@given(st.text("0123456789.:-/ APMTZ+", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    made = DateFormat.parse(BERLIN)
    try:
        read = made.read(text)
    except ValueError:
        return
    assume(instant(read))
    assert made.written(read)
