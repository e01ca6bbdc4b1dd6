"""Which ETags and dates are kept, and what is asked with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.fetch.validators import MAX_VALIDATOR_CHARACTERS, Validators, read

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"

ETAGS = [
    *['""', '"1"', '"5f3a-62b1"', 'W/"5f3a"', 'W/""', '"a\'b,c\\d!#~"', '"W/"'],
    '"' + "x" * (MAX_VALIDATOR_CHARACTERS - 2) + '"',
]
NOT_ETAGS = [
    *["", "1", '"', '"1', '1"', "'1'", 'w/"1"', 'W"1"', 'W/ "1"', '"a"b"', '"1", "2"', ' "1"', '"1" ', "*"],
    *['"a b"', '"a\tb"', '"a\r\nb"', '"1"\n', '"1"\r\nX: y', '"\x00"', '"\x7f"', '"\xe9"', '"\udce9"', '"\u0661"'],
    '"' + "x" * (MAX_VALIDATOR_CHARACTERS - 1) + '"',
]
NOT_DATES = [
    *[
        "",
        "0",
        "-1",
        "yesterday",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        f"{DATE}\n",
        f" {DATE}",
    ],
    *["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "sun, 06 nov 1994 08:49:37 gmt"],
    *[
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        f"{DATE}, {DATE}",
    ],
]


def found(**headers: list[str]) -> Validators:
    return read(lambda name: headers.get(name.replace("-", "_"), []))


@pytest.mark.parametrize("etag", ETAGS)
def test_an_etag_is_kept_as_it_stands(etag: str) -> None:
    assert found(ETag=[etag]) == Validators(etag=etag)
    assert Validators(etag=etag).conditions == {"If-None-Match": etag}


@pytest.mark.parametrize("etag", NOT_ETAGS)
def test_what_is_no_etag_is_dropped(etag: str) -> None:
    assert found(ETag=[etag], Last_Modified=[DATE]) == Validators(last_modified=DATE)
    with pytest.raises(ValueError, match="not an ETag"):
        Validators(etag=etag)


@pytest.mark.parametrize("date", NOT_DATES)
def test_what_is_no_date_is_dropped(date: str) -> None:
    assert found(ETag=['"1"'], Last_Modified=[date]) == Validators(etag='"1"')
    with pytest.raises(ValueError, match="not an HTTP date"):
        Validators(last_modified=date)


def test_of_several_none_is_kept() -> None:
    assert found(ETag=['"1"', '"2"'], Last_Modified=[DATE]) == Validators(last_modified=DATE)
    assert found(ETag=['"1"', '"1"'], Last_Modified=[DATE, DATE]) == Validators()


def test_what_is_asked() -> None:
    assert Validators().conditions == {}
    assert Validators('W/"1"', DATE).conditions == {"If-None-Match": 'W/"1"', "If-Modified-Since": DATE}


@given(st.text(), st.text())
def test_nothing_else_is_ever_repeated(etag: str, date: str) -> None:
    for value in found(ETag=[etag], Last_Modified=[date]).conditions.values():
        assert len(value) <= MAX_VALIDATOR_CHARACTERS
        assert value.isascii()
        assert value.isprintable()
