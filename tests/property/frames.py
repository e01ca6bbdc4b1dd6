"""Ways to spoil the frame of a request's body: lengths and chunks."""

from __future__ import annotations

from random import Random

from tests.property.drafts import SMUGGLED, Draft, field_line


def length(draft: Draft, random: Random) -> None:
    """A Content-Length that is odd or not true."""
    size = len(draft.content())
    draft.length = False
    values = random.choice(
        (
            [b"%d" % (size - 1)],
            [b"%d" % (size + 1)],
            [b"%d" % (size // 2)],
            [b"%d" % (size + 40)],
            [b"0"],
            [b"+%d" % size],
            [b"0%d" % size],
            [b"%d, %d" % (size, size)],
            [b"%d,0" % size],
            [b"0x%x" % size],
            [b"-%d" % size],
            [b"%d " % size],
            [b"\xd9\xa1"],
            [b""],
            [b"99999999999999999999"],
            [b"%d" % size, b"0"],
            [b"0", b"%d" % size],
            [b"%d" % size] * 2,
            [],
        )
    )
    draft.headers += [field_line(b"Content-Length", value) for value in values]
    draft.after = random.choice((b"", b"", SMUGGLED))


def coding(draft: Draft, random: Random) -> None:
    """A Transfer-Encoding, true or not, with a length or without."""
    values = random.choice(
        (
            [b"chunked"],
            [b"chunked"],
            [b"Chunked"],
            [b"xchunked"],
            [b" chunked"],
            [b"chunked "],
            [b"\x0bchunked"],
            [b"chunked, chunked"],
            [b"chunked, identity"],
            [b"gzip, chunked"],
            [b"identity"],
            [b"chunked;x=y"],
            [b"chunked\x00"],
            [b'"chunked"'],
            [b""],
            [b"chunked", b"identity"],
            [b"identity", b"chunked"],
            [b"\r\n chunked"],
        )
    )
    name = random.choice((b"Transfer-Encoding", b"Transfer-Encoding", b"transfer-encoding", b"Transfer_Encoding"))
    draft.headers += [field_line(name, value) for value in values]
    draft.length = random.randrange(4) == 0
    draft.raw = random.choice((_chunks(draft.content(), random), _chunks(draft.content(), random), draft.content()))
    draft.after = random.choice((b"", b"", b"", SMUGGLED))


def _chunks(body: bytes, random: Random) -> bytes:
    size = random.choice((1, 7, 100, 10000))
    end = random.choice((b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"xx", b""))
    digits = random.choice((b"%x", b"%x", b"%X", b"0%x", b"%x ", b" %x", b"0x%x", b"%x;a=b", b'%x;a="\r\n"', b"+%x"))
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    last = random.choice(
        (b"0\r\n\r\n",) * 4
        + (b"0\r\nX-Api-Token: x\r\n\r\n", b"0\r\n", b"", b"00\r\n\r\n", b"0;x\r\n\r\n", b"0\n\n", b"-1\r\n\r\n")
    )
    return b"".join((digits % len(piece)) + b"\r\n" + piece + end for piece in pieces) + last
