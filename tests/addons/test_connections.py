"""How many may be connected, and who counts."""

from __future__ import annotations

from addons.connections import PER_REQUEST, Connections


def test_clients_are_bounded_and_pict_rs_is_not() -> None:
    connections = Connections(2)
    most = 2 * PER_REQUEST
    assert [connections.admit(f"client {number}", False) for number in range(most + 2)] == [True] * most + [False] * 2
    assert all(connections.admit(f"caller {number}", True) for number in range(most + 2))
    assert (len(connections.clients), len(connections.callers)) == (most, most + 2)
    connections.leave("client 0")
    assert connections.admit("another", False)
    assert not connections.admit("one more", False)


def test_alone_when_both_kinds_have_left() -> None:
    connections = Connections(1)
    assert connections.alone.is_set()
    connections.admit("client", False)
    connections.admit("caller", True)
    assert not connections.alone.is_set()
    connections.leave("client")
    assert not connections.alone.is_set()
    connections.leave("caller")
    connections.leave("caller")
    connections.leave("nobody")
    assert connections.alone.is_set()
