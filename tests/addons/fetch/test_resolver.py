"""Names are looked up without threads, and what cannot be told is told apart from what is not there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from addons.fetch.door import Door
from addons.fetch.permitted import Permitted
from addons.fetch.resolver import SystemResolver


def through(resolver: SystemResolver) -> Door:
    """A door before it."""
    return Door(resolver, Permitted(), lambda _: True)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0", "127.0.0.1", "::1"])
async def test_odd_spellings_of_loopback_lead_nowhere(host: str) -> None:
    resolver = SystemResolver()
    with pytest.raises((PermissionError, socket.gaierror)):  # c-ares knows some of them, getaddrinfo knew all
        await through(resolver).resolve(host, 80)
    await resolver.close()


async def test_a_name_of_this_machine_is_found_and_refused() -> None:
    resolver = SystemResolver()
    assert {found["host"] for found in await resolver.resolve("localhost", 80)} <= {"127.0.0.1", "::1"}
    door = through(resolver)
    with pytest.raises(PermissionError):
        await door.resolve("localhost", 80)
    assert door.refused
    await resolver.close()


@contextlib.contextmanager
def name_server(reply: Callable[[bytes], bytes | None]) -> Iterator[tuple[str, int]]:
    """A name server on loopback: what it says to each question, None for nothing at all. Gives its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    question, sender = made.recvfrom(512)
                    if not question:
                        return
                    if said := reply(question):
                        made.sendto(said, sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield made.getsockname()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", made.getsockname())
        thread.join(10)


def code(number: int) -> Callable[[bytes], bytes]:
    """An answer without addresses, with this RCODE (RFC 1035, 4.1.1)."""
    return lambda question: question[:2] + bytes((0x81, 0x80 | number)) + question[4:6] + b"\0" * 6 + question[12:]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [(code(3), socket.EAI_NONAME), (code(2), socket.EAI_AGAIN), (code(5), socket.EAI_AGAIN)],
    ids=["no such name", "it failed", "it refuses"],
)
async def test_what_a_name_server_says(reply: Callable[[bytes], bytes], expected: int) -> None:
    with name_server(reply) as address:
        resolver = SystemResolver(address)
        with pytest.raises(socket.gaierror) as caught:
            await resolver.resolve("site.example", 80)
        assert caught.value.errno == expected
        await resolver.close()


async def test_a_name_server_that_cannot_be_reached_is_a_fault_of_ours() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        address = closed.getsockname()
    resolver = SystemResolver(address)
    with pytest.raises(socket.gaierror) as caught:
        await resolver.resolve("site.example", 80)
    assert caught.value.errno == socket.EAI_SYSTEM
    await resolver.close()


async def test_stalled_look_ups_hold_up_nothing_else() -> None:
    asked = threading.Event()

    def silent(question: bytes) -> bytes | None:
        asked.set()
        return code(3)(question) if b"quick" in question else None

    with name_server(silent) as address:
        resolver = SystemResolver(address)
        slow = [asyncio.create_task(resolver.resolve(f"slow{number}.example", 80)) for number in range(100)]
        await asyncio.to_thread(asked.wait, 10)
        with pytest.raises(socket.gaierror, match="not found"):
            await resolver.resolve("quick.example", 80)
        assert not any(task.done() for task in slow)
        for task in slow:
            task.cancel()
        assert {type(found) for found in await asyncio.gather(*slow, return_exceptions=True)} == {
            asyncio.CancelledError
        }
        await resolver.close()
