"""The address of a webhook: what is taken and what is not."""

from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from config.notify import Notify, check_webhook


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://127.0.0.1:9000/hook",
        "http://matrix:8080",
        "https://ntfy.example.org/mine?template=yes&message=%7B%7B.text%7D%7D",
        "https://[fd00::1]/hook",
    ],
)
def test_addresses_that_are_taken(url: str) -> None:
    assert check_webhook(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/",
        "h/hook",
        "http://",
        "http://:80/",
        "http://h:0/",
        "http://h:99999/",
        "http://u:p@h/",
        "http://u@h/",
        "http://h/#a",
        "http://h/ a",
        "http://h/\n",
        "http://\u00e9.example/",
        "http://[::1/",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(PydanticCustomError, match="must be an http or https address"):
        check_webhook(url)


def test_it_is_off_unless_the_administrator_says_so() -> None:
    assert Notify().url == ""
