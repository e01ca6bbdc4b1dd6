"""A list's entry in the policy: one place, whole and safe, and how often it is asked."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from config.listing import MAX_URL_CHARACTERS, ListSpec


@pytest.mark.parametrize(
    "values",
    [
        {"file": "/srv/lists/known.txt"},
        {"file": "/srv/known.txt", "bare": "pdq"},
        {"url": "https://example.org/hashes.txt"},
        {"url": "HTTPS://example.org:8443/?list=a&kind=pdq", "refresh_minutes": 5},
        {"url": "https://example.org", "refresh_minutes": 10_080, "bare": "sha256"},
        {"url": "http://127.0.0.2:8080/list.txt"},
        {"url": "http://[fd00::1]/list.txt"},
        {"url": "https://h/" + "a" * (MAX_URL_CHARACTERS - 10)},
    ],
)
def test_what_is_taken(values: dict[str, Any]) -> None:
    made = ListSpec.model_validate(values)
    assert made.model_dump(exclude_unset=True) == values
    assert {"refresh_minutes": 60, "bare": "sha256", **values}.items() <= made.model_dump().items()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "either `file: /PATH` or `url:"),
        ({"file": "/a", "url": "https://h/"}, "either `file: /PATH` or `url:"),
        ({"file": "lists/known.txt"}, "absolute path"),
        ({"file": ""}, "absolute path"),
        ({"file": "/a\0b"}, "absolute path"),
        ({"url": "http://example.org/list.txt"}, "must begin with https://"),
        ({"url": "http://10.example.org/list.txt"}, "must begin with https://"),
        ({"url": "ftp://example.org/"}, "must be https://HOST/PATH"),
        ({"url": "https://"}, "must be https://HOST/PATH"),
        ({"url": "https:///list"}, "must be https://HOST/PATH"),
        ({"url": "https://user:secret@example.org/"}, "must be https://HOST/PATH"),
        ({"url": "https://example.org/#top"}, "must be https://HOST/PATH"),
        ({"url": "https://example.org/a b"}, "must be https://HOST/PATH"),
        ({"url": "https://example.org/\n"}, "must be https://HOST/PATH"),
        ({"url": "https://example.org/\x7f"}, "must be https://HOST/PATH"),
        ({"url": "https://exämple.org/"}, "must be https://HOST/PATH"),
        ({"url": "https://example.org\\@h/"}, "must be https://HOST/PATH"),
        ({"url": "https://h/" + "a" * (MAX_URL_CHARACTERS - 9)}, "at most 2048"),
        ({"url": "https://h/", "refresh_minutes": 4}, "greater than or equal to 5"),
        ({"url": "https://h/", "refresh_minutes": 10_081}, "less than or equal to 10080"),
        ({"url": "https://h/", "refresh_minutes": 60.5}, "valid integer"),
        ({"file": "/a", "refresh_minutes": 60}, "must not have refresh_minutes"),
        ({"file": "/a", "bare": "md5"}, "'sha256' or 'pdq'"),
        ({"file": "/a", "name": "x"}, "not permitted"),
    ],
)
def test_what_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match="ListSpec") as caught:
        ListSpec.model_validate(values)
    assert message in str(caught.value)
