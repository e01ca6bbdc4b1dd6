"""A request as it came in, without its framing: what the desks (gatekeeper.py, callback.py) decide on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Headers = Sequence[tuple[bytes, bytes]]
Hold = Callable[[int], bool]
"""Asks for room for so many bytes in all; False when there is none (admission.Slot.hold)."""


@dataclass(frozen=True)
class Inbound:
    """Raw method and target, raw header fields in order, the body."""

    method: bytes
    target: bytes
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a header, in order; `name` in lower case."""
        return [value for key, value in self.headers if key.lower() == name]
