"""EBML, the container format under WebM: elements with an identity and a length, one inside the other (RFC 8794).

A level has a list of the elements that it may hold, as in model/formats/boxtree.py. Nothing here calls itself.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from typing import NamedTuple

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.steps import step

MAX_ELEMENTS = 200_000
"""Elements on one level; a video of an hour has 100,000 blocks of sound. They take a fifth of a second."""
MAX_IDENTITY_BYTES = 4
"""Of an element's identity; EBMLMaxIDLength is 4 in all that is accepted."""
VOID, CRC32 = 0xEC, 0xBF
"""May stand on every level, and mean nothing to a viewer (sections 11.3.1 and 11.3.2)."""


class Element(NamedTuple):
    """Its identity with the marker bit, where its head and its content begin, and the end; None if it is unknown."""

    identity: int
    head: int
    start: int
    end: int | None


Level = dict[int, list[Element]]
"""The elements of one level, by their identity."""


def vint(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """(value without the marker bit, place after it) of an integer of variable length (section 4).

    None if there is none that ends by `end`. Counts no step and raises nothing.
    """
    if at >= end or not data[at]:
        return None
    after = at + 9 - data[at].bit_length()
    return (int.from_bytes(data[at:after]) & _most(after - at), after) if after <= end else None


def _most(width: int) -> int:
    """The largest value in so many bytes; of a length it means that nobody knows it."""
    return (1 << 7 * width) - 1


def element(data: bytes, at: int, end: int) -> Element:
    """The element whose head is at a place; Undecodable if it does not end by `end`, or has no head (sections 4, 5)."""
    step()
    named = vint(data, at, end)
    if named is None or named[1] - at > MAX_IDENTITY_BYTES:
        raise Undecodable("an element of the WebM has no identity")
    length = vint(data, named[1], end)
    if length is None:
        raise Undecodable("an element of the WebM has no length")
    identity = int.from_bytes(data[at : named[1]])
    size, start = length
    if size == _most(start - named[1]):
        return Element(identity, at, start, None)
    if start + size > end:
        raise Undecodable("an element of the WebM breaks off")
    return Element(identity, at, start, start + size)


def elements(data: bytes, at: int, end: int) -> Iterator[Element]:
    """The elements between two places, all of known length; Undecodable if they do not fill it."""
    count = 0
    while at < end:
        count += 1
        found = element(data, at, end)
        if found.end is None:
            raise Undecodable("an element of the WebM has no length")
        if count > MAX_ELEMENTS:
            raise TooLarge(f"more than {MAX_ELEMENTS} elements on one level")
        yield found
        at = found.end


def level(data: bytes, place: tuple[int, int], name: str, once: Collection[int], many: Collection[int] = ()) -> Level:
    """The elements at a place: those of `once` at most once, those of `many` as often as they like, and no others.

    Raises Unsupported for another element and Undecodable for one too many; `name` is for the message.
    """
    found: Level = {}
    for each in elements(data, *place):
        if each.identity in (VOID, CRC32):
            continue
        if each.identity not in once and each.identity not in many:
            raise Unsupported(f"an element {each.identity:X} in {name}, which some players may know")
        if each.identity in found and each.identity in once:
            raise Undecodable(f"two elements {each.identity:X} in {name}")
        found.setdefault(each.identity, []).append(each)
    return found


def inside(found: Element) -> tuple[int, int]:
    """Start and end of an element's content; Undecodable if its length is unknown."""
    if found.end is None:
        raise Undecodable("an element of the WebM has no length")
    return found.start, found.end


def content(data: bytes, found: Level, identity: int, default: bytes = b"") -> bytes:
    """The content of the one element of a kind, or `default`."""
    if identity not in found:
        return default
    start, end = inside(found[identity][0])
    return data[start:end]


def unsigned(data: bytes, found: Level, identity: int, default: int) -> int:
    """An unsigned integer (section 7.2), or `default`. Undecodable if it is longer than eight bytes."""
    value = content(data, found, identity, default.to_bytes(8))
    if len(value) > 8:
        raise Undecodable("a number of the WebM is too long")
    return int.from_bytes(value)


def real(data: bytes, found: Level, identity: int, default: float) -> float:
    """A float of four or eight bytes (section 7.3), or `default`; Undecodable for another length."""
    value = content(data, found, identity, struct.pack(">d", default))
    forms = {0: ">", 4: ">f", 8: ">d"}
    if len(value) not in forms:
        raise Undecodable("a number of the WebM is too long")
    return float(struct.unpack(forms[len(value)], value)[0]) if value else 0.0


def text(data: bytes, found: Level, identity: int) -> bytes:
    """A string without the zeros that may end it (section 7.4), empty if there is none."""
    return content(data, found, identity).rstrip(b"\x00")
