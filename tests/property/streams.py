"""What one client sends on one connection, and how it ends: requests behind each other, spoilt or not.

Every choice comes from the `random` that is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from tests.property.drafts import SECRET, ordinary
from tests.property.mangle import mangle
from tests.property.tricks import TRICKS

LAST = b"GET /image/details/original/last-of-a-stream.png HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
"""Sent behind everything else, so that the filter hangs up and nobody waits: whoever reads the requests before it as
they were written gets to it."""


class End(StrEnum):
    """What a client does when all is sent."""

    ASK = "ask"  # LAST, and listen
    WAIT = "wait"  # listen
    HALF = "half"  # send no more, and listen
    LEAVE = "leave"  # hang up


@dataclass(frozen=True)
class Stream:
    """Bytes, where they are cut into pieces, and the end. `requests`: how many were written into it.

    intact    none of them is spoilt, and each gets an answer
    passing   of those, how many reach pict-rs
    """

    data: bytes = field(repr=False)
    end: End = End.ASK
    cuts: tuple[int, ...] = ()
    requests: int = 1
    intact: bool = False
    passing: int = 0

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not go on: SECRET, unless changed bytes made it part of something that does."""
        framed = sum(
            self.data.count(b"\r\n" + name + b": " + SECRET + b"\r\n")
            for name in (b"Cookie", b"Authorization", b"X-Forwarded-For", b"Forwarded", b"X-Real-IP", b"Via", b"Origin",
                         b"User-Agent", b"X-Forwarded-Host")
        )  # fmt: skip
        return (SECRET.decode(),) if framed == self.data.count(SECRET) else ()


def stream(random: Random, kinds: Sequence[str] = ()) -> Stream:
    """Requests of these kinds (any, where none is named), or bytes that are none."""
    if not kinds and random.randrange(12) == 0:
        return Stream(noise(random), End.HALF if random.randrange(4) else End.WAIT)
    drafts = [ordinary(random, kinds) for _ in range(random.choice((1, 1, 2, 2, 3)))]
    spoilt = random.randrange(5) > 0
    if spoilt:
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            random.choice(list(TRICKS.values()))(random.choice(drafts), random)
    data = b"".join(draft.write() for draft in drafts)
    if spoilt and random.randrange(3) == 0:
        data = mangle(data, random)
    end = End.ASK
    if random.randrange(8) == 0:
        end = random.choice((End.HALF, End.HALF, End.HALF, End.LEAVE, End.LEAVE, End.WAIT))
    if spoilt and random.randrange(8) == 0:
        data, end = data[: random.randrange(len(data) + 1)], End.HALF
    passing = sum(draft.passes for draft in drafts)
    return Stream(data, end, _cuts(data, random), len(drafts), not spoilt, passing)


def noise(random: Random) -> bytes:
    """Bytes that nobody thought of as a request, or hardly."""
    if random.randrange(2):
        return random.randbytes(random.choice((1, 5, 40, 300)))
    return mangle(b"", random) + mangle(b"\r\n\r\n", random) + b"x"


def _cuts(data: bytes, random: Random) -> tuple[int, ...]:
    if random.randrange(3) or not data:
        return ()
    return tuple(sorted(random.randrange(len(data)) for _ in range(random.choice((1, 1, 2, 5)))))
