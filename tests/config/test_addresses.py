"""Addresses as text: what is taken, what is refused, and which two of them are a loop."""

from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from config.addresses import (
    check_callback,
    check_listen,
    check_network,
    check_upstream,
    is_loop,
    split_listen,
    split_upstream,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8081", ("127.0.0.1", 8081)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("0.0.0.0:65535", ("0.0.0.0", 65_535)),
        ("[::]:8080", ("::", 8080)),
        ("[fd00::1]:80", ("fd00::1", 80)),
    ],
)
def test_listen(text: str, address: tuple[str, int]) -> None:
    assert split_listen(check_listen(text)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8080",
        ":8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:8080 ",
        "127.0.0.1:8080\n",
        "127.0.0.1:٨٠",
        "127.0.0.1:999999999999",
        "127.1:80",
        "256.0.0.1:80",
        "::1:8080",
        "[::1:8080",
        "[127.0.0.1]x:80",
        "localhost:80",
        "http://127.0.0.1:80",
    ],
)
def test_listen_that_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="must be ADDRESS:PORT"):
        check_listen(text)


@pytest.mark.parametrize(
    ("text", "kept", "address"),
    [
        ("http://pictrs:8080", "http://pictrs:8080", ("pictrs", 8080)),
        ("http://pictrs:8080/", "http://pictrs:8080", ("pictrs", 8080)),
        ("http://pictrs", "http://pictrs", ("pictrs", 80)),
        ("http://my_pictrs-1.example.org:1", "http://my_pictrs-1.example.org:1", ("my_pictrs-1.example.org", 1)),
        ("http://10.0.0.1:65535", "http://10.0.0.1:65535", ("10.0.0.1", 65_535)),
        ("http://[::1]:8080", "http://[::1]:8080", ("::1", 8080)),
    ],
)
def test_upstream(text: str, kept: str, address: tuple[str, int]) -> None:
    assert check_upstream(text) == kept
    assert split_upstream(kept) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pictrs:8080",
        "https://pictrs:8080",
        "HTTP://pictrs:8080",
        "http://pictrs:0",
        "http://pictrs:65536",
        "http://pictrs:",
        "http://pictrs:8080/image",
        "http://pictrs:8080//",
        "http://pictrs:8080?x",
        "http://user:password@pictrs:8080",
        "http://",
        "http://:8080",
        "http://[::1:8080",
        "http://[1::2::3]:8080",
        "http://::1:8080",
        "http://pict rs:8080",
        "http://pictrs:8080\n",
        "http://pictrs\r\nx:8080",
    ],
)
def test_upstream_that_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="must be http://HOST:PORT"):
        check_upstream(text)


@pytest.mark.parametrize("text", ["10.0.0.0/8", "127.0.0.1/32", "127.0.0.1", "fd00::/8", "0.0.0.0/0"])
def test_network(text: str) -> None:
    assert check_network(text) == text


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "10.0.0.0/33", "localhost", "10.0.0.0-10.0.0.9"])
def test_network_that_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="must be a network"):
        check_network(text)


@pytest.mark.parametrize(
    ("listen", "upstream", "loop"),
    [
        pytest.param(("127.0.0.1", 1), ("127.0.0.1", 1), True, id="the same"),
        pytest.param(("127.0.0.1", 1), ("127.0.0.1", 2), False, id="other port"),
        pytest.param(("127.0.0.1", 1), ("localhost", 1), True, id="by name"),
        pytest.param(("127.0.0.1", 1), ("0.0.0.0", 1), True, id="0.0.0.0 leads to loopback"),
        pytest.param(("0.0.0.0", 1), ("127.0.0.1", 1), True, id="listens everywhere"),
        pytest.param(("0.0.0.0", 1), ("127.9.9.9", 1), True, id="listens everywhere, another loopback address"),
        pytest.param(("0.0.0.0", 1), ("localhost", 1), True, id="listens everywhere, by name"),
        pytest.param(("::", 1), ("::1", 1), True, id="listens everywhere, IPv6"),
        pytest.param(("::", 1), ("127.0.0.1", 1), True, id="listens everywhere, both families"),
        pytest.param(("127.0.0.1", 1), ("127.0.0.2", 1), False, id="another loopback address"),
        pytest.param(("127.0.0.1", 1), ("::1", 1), False, id="another family"),
        pytest.param(("::1", 1), ("::", 1), True, id=":: leads to loopback"),
        pytest.param(("0.0.0.0", 1), ("pictrs", 1), False, id="another container with the same port"),
        pytest.param(("0.0.0.0", 1), ("10.0.0.2", 1), False, id="another machine with the same port"),
        pytest.param(("10.0.0.2", 1), ("10.0.0.2", 1), True, id="the same, not loopback"),
        pytest.param(("10.0.0.2", 1), ("127.0.0.1", 1), False, id="loopback is elsewhere"),
    ],
)
def test_loop(listen: tuple[str, int], upstream: tuple[str, int], loop: bool) -> None:
    assert is_loop(listen, upstream) is loop


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("auto", "auto"),
        ("http://pictrs-filter:8082", "http://pictrs-filter:8082"),
        ("http://Pictrs-Filter:8082/", "http://pictrs-filter:8082"),
        ("http://pictrs-filter", "http://pictrs-filter"),
        ("http://10.0.0.1:1", "http://10.0.0.1:1"),
        ("http://[FD00::1]:65535", "http://[fd00::1]:65535"),
    ],
)
def test_callback(text: str, kept: str) -> None:
    """It is a part of the text under which pict-rs files proxied media, so it has one spelling."""
    assert check_callback(text) == kept


@pytest.mark.parametrize(
    "text",
    ["", "Auto", "filter:8082", "https://filter:8082", "http://", "http://filter:0", "http://filter:65536",
     "http://filter:8082/v", "http://filter:8082//", "http://filter:8082?a", "http://a@filter:8082", "http://fil ter",
     "http://[nonsense]:1", "http://filter:8082\n"],
)  # fmt: skip
def test_callback_that_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="must be auto or http://HOST:PORT"):
        check_callback(text)
