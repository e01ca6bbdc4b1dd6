"""Names as the system knows them, by its own means."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from addons.doctor import lookup


async def test_an_address_is_its_own() -> None:
    assert await lookup.addresses("192.0.2.1") == ["192.0.2.1"]
    assert await lookup.addresses("::1") == ["::1"]


async def test_a_name_of_this_machine() -> None:
    assert "127.0.0.1" in await lookup.addresses("localhost")


def resolving(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    async def getaddrinfo(*_: object, **__: object) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in answer]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


async def test_each_address_once(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["192.0.2.1", "192.0.2.2", "192.0.2.1"])
    assert await lookup.addresses("pictrs") == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize(
    "error", [socket.gaierror(socket.EAI_NONAME, "no"), TimeoutError(), UnicodeError(), OSError()], ids=repr
)
async def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    resolving(monkeypatch, error)
    assert await lookup.addresses("pictrs") == []


async def test_name_servers_that_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", silent)
    monkeypatch.setattr(lookup, "SECONDS", 0.01)
    assert await lookup.addresses("pictrs") == []


def test_what_is_an_address() -> None:
    assert [lookup.is_address(text) for text in ("127.0.0.1", "::1", "pictrs", "")] == [True, True, False, False]
