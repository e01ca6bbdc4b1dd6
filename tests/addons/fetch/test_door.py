"""What may be connected to, and how many bytes may come."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from addons.fetch.door import CHUNK_BYTES, MAX_ADDRESSES, CountedSocket, Door, SystemResolver
from tests.addons.fetch.sites import PRIVATE, PUBLIC, Names

ALLOWED = (ipaddress.ip_network(PUBLIC),)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0", "127.0.0.1", "::1"])
async def test_odd_spellings_of_loopback_lead_nowhere(host: str) -> None:
    resolver = SystemResolver()
    with pytest.raises((PermissionError, socket.gaierror)):  # c-ares knows some of them, getaddrinfo knew all
        await Door(resolver, ()).resolve(host, 80)
    await resolver.close()


async def test_a_name_of_this_machine_is_found_and_refused() -> None:
    resolver = SystemResolver()
    assert {found["host"] for found in await resolver.resolve("localhost", 80)} <= {"127.0.0.1", "::1"}
    door = Door(resolver, ())
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


@pytest.mark.parametrize(
    ("family", "sockaddr", "may"),
    [
        (socket.AF_INET, (PRIVATE, 80), False),
        (socket.AF_INET, (PUBLIC, 80), True),
        (socket.AF_INET, ("8.8.8.8", 80), True),
        (socket.AF_INET6, ("::1", 80, 0, 0), False),
        (socket.AF_INET6, ("fe80::1%lo", 80, 0, 1), False),
        (socket.AF_INET6, (f"::ffff:{PUBLIC}", 80, 0, 0), False),
        (socket.AF_INET6, ("2606:4700:4700::1111", 80, 0, 0), True),
        (socket.AF_INET6, ("2606:4700:4700::1111", 80, 0, 2), False),
        (socket.AF_INET, ("2130706433", 80), False),
        (socket.AF_UNIX, "/run/docker.sock", False),
    ],
)
async def test_a_socket_is_made_only_for_an_address_that_may_be_asked(
    family: int, sockaddr: tuple[str, int] | tuple[str, int, int, int], may: bool
) -> None:
    door = Door(Names({}), ALLOWED)
    addr_info = (family, socket.SOCK_STREAM, 0, "", sockaddr)
    if may:
        door.open_socket(addr_info).close()
    else:
        with pytest.raises(PermissionError):
            door.open_socket(addr_info)
    assert door.refused is not may


async def test_all_addresses_of_a_name_are_checked_and_some_are_tried() -> None:
    many = [f"2606:4700::{number:x}" for number in range(1, 200)]
    door = Door(Names({"many.example": [many], "bad.example": [[*many, PRIVATE]]}), ())
    assert [found["host"] for found in await door.resolve("many.example", 80)] == many[:MAX_ADDRESSES]
    with pytest.raises(PermissionError):
        await door.resolve("bad.example", 80)


async def test_a_name_without_addresses_is_not_an_empty_success() -> None:
    door = Door(Names({"empty.example": [[]]}), ())
    with pytest.raises(OSError, match="without addresses"):
        await door.resolve("empty.example", 80)
    assert not door.refused


# --- bytes ---

Receive = Callable[[socket.socket], int]

RECEIVE: dict[str, Receive] = {
    "recv, as asyncio does without TLS": lambda made: len(made.recv(1 << 18)),
    "recv_into, as it does with TLS": lambda made: made.recv_into(bytearray(1 << 18)),
    "recv_into with a size": lambda made: made.recv_into(bytearray(1 << 18), 1 << 17),
}


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door(Names({}), ALLOWED)
    yield door
    door.shut()


def connected(door: Door, sent: int) -> socket.socket:
    """A socket of this door, with this many bytes to come and then the end."""
    with socket.create_server((PUBLIC, 0)) as server:
        server.settimeout(10)
        made = door.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", server.getsockname()))
        made.connect(server.getsockname())
        peer, _ = server.accept()
        with peer:
            peer.sendall(bytes(sent))
    return made


@pytest.mark.parametrize("receive", RECEIVE.values(), ids=RECEIVE)
def test_as_many_bytes_as_expected_come_in(door: Door, receive: Receive) -> None:
    door.expect(100_000)
    with connected(door, 100_000) as made:
        pieces = list(iter(lambda: receive(made), 0))
    assert sum(pieces) == 100_000
    assert max(pieces) <= CHUNK_BYTES
    assert not door.flooded


@pytest.mark.parametrize("receive", RECEIVE.values(), ids=RECEIVE)
def test_one_byte_more_ends_it(door: Door, receive: Receive) -> None:
    door.expect(99_999)
    with connected(door, 100_000) as made, pytest.raises(ConnectionAbortedError):
        list(iter(lambda: receive(made), 0))
    assert door.flooded


def test_what_is_expected_holds_for_all_of_its_connections(door: Door) -> None:
    door.expect(150)
    with connected(door, 100) as one, connected(door, 100) as other:
        assert len(one.recv(1000)) == 100
        with pytest.raises(ConnectionAbortedError):
            other.recv(1000)


def test_expecting_anew_begins_anew(door: Door) -> None:
    for _ in range(2):
        door.expect(100)
        with connected(door, 100) as made:
            assert len(made.recv(1000)) == 100


def test_a_socket_reads_as_little_as_it_is_asked_for(door: Door) -> None:
    door.expect(100)
    with connected(door, 100) as made:
        assert isinstance(made, CountedSocket)
        assert len(made.recv(3)) == 3
        buffer = bytearray(7)
        assert made.recv_into(buffer) == 7
        assert made.recv_into(buffer, 2) == 2
