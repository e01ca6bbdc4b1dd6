"""What may be connected to, and how many bytes may come."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator

import pytest

from addons.fetch.door import CHUNK_BYTES, MAX_ADDRESSES, CountedSocket, Door
from addons.fetch.permitted import Permitted
from tests.addons.fetch.sites import PRIVATE, PUBLIC, Names

ALLOWED = Permitted((ipaddress.ip_network(PUBLIC),))


def door_of(names: dict[str, list[list[str]]], permitted: Permitted | None = None) -> Door:
    """One that everybody may go through."""
    return Door(Names(names), permitted or Permitted(), lambda _: True)


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
    door = door_of({}, ALLOWED)
    addr_info = (family, socket.SOCK_STREAM, 0, "", sockaddr)
    if may:
        door.open_socket(addr_info).close()
    else:
        with pytest.raises(PermissionError):
            door.open_socket(addr_info)
    assert door.refused is not may


async def test_all_addresses_of_a_name_are_checked_and_some_are_tried() -> None:
    many = [f"2606:4700::{number:x}" for number in range(1, 200)]
    door = door_of({"many.example": [many], "bad.example": [[*many, PRIVATE]]})
    assert [found["host"] for found in await door.resolve("many.example", 80)] == many[:MAX_ADDRESSES]
    with pytest.raises(PermissionError):
        await door.resolve("bad.example", 80)


async def test_a_name_without_addresses_is_not_an_empty_success() -> None:
    door = door_of({"empty.example": [[]]})
    with pytest.raises(OSError, match="without addresses"):
        await door.resolve("empty.example", 80)
    assert not door.refused


async def test_a_network_that_has_its_part_is_not_connected_to() -> None:
    claimed: list[str] = []

    def claim(network: str) -> bool:
        claimed.append(network)
        return network != "8.8.8.0/24"

    door = Door(Names({}), Permitted(), claim)
    door.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.4.4", 80))).close()
    assert not door.busy
    with pytest.raises(ConnectionRefusedError):
        door.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 80)))
    assert (door.busy, door.refused, claimed) == (True, False, ["8.8.4.0/24", "8.8.8.0/24"])


async def test_what_was_tried_is_known() -> None:
    door = door_of({})
    door.open_socket((socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("2606:4700:4700::1111", 80, 0, 0))).close()
    assert door.families == {socket.AF_INET6}
    door.expect(1)
    assert door.families == set()


# --- bytes ---

Receive = Callable[[socket.socket], int]

RECEIVE: dict[str, Receive] = {
    "recv, as asyncio does without TLS": lambda made: len(made.recv(1 << 18)),
    "recv_into, as it does with TLS": lambda made: made.recv_into(bytearray(1 << 18)),
    "recv_into with a size": lambda made: made.recv_into(bytearray(1 << 18), 1 << 17),
}


@pytest.fixture
def door() -> Iterator[Door]:
    door = door_of({}, ALLOWED)
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
