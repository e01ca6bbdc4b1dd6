"""NAL units and OBUs fill their frames, and none of them is of a second layer."""

from __future__ import annotations

import pytest

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats import units
from model.formats.units import check_units

AVC4, AVC2 = bytes([1, 100, 0, 10, 0xFF]), bytes([1, 100, 0, 10, 0xFD])
HVC4 = bytes(21) + b"\x03"


def avc(*kinds: int, prefix: int = 4) -> bytes:
    return b"".join((3).to_bytes(prefix) + bytes([0x60 | kind, 1, 2]) for kind in kinds)


def hevc(kind: int, layer: int = 0) -> bytes:
    return (4).to_bytes(4) + bytes([kind << 1 | layer >> 5, (layer & 31) << 3 | 1, 7, 7])


def obu(kind: int, content: bytes = b"", spatial: int | None = None) -> bytes:
    if spatial is None:
        return bytes([kind << 3 | 2, len(content)]) + content
    return bytes([kind << 3 | 6, spatial << 3, len(content)]) + content


def check(data: bytes, codec: str, configuration: bytes = b"") -> None:
    check_units(data, [(0, len(data))], codec, configuration)


@pytest.mark.parametrize(
    ("data", "codec", "configuration"),
    [
        (avc(9, 7, 8, 6, 5, 5, 12), "h264", AVC4),
        (avc(1, prefix=2), "h264", AVC2),
        (hevc(32) + hevc(33) + hevc(34) + hevc(39) + hevc(19) + hevc(62), "hevc", HVC4),
        (obu(2) + obu(1, b"header") + obu(6, bytes(100)), "av1", b""),
        (obu(2) + bytes([6 << 3]) + b"without a size, to the end", "av1", b""),
        (obu(6, b"x", spatial=0), "av1", b""),
    ],
)
def test_one_layer(data: bytes, codec: str, configuration: bytes) -> None:
    check(data, codec, configuration)


@pytest.mark.parametrize(
    ("data", "codec", "configuration"),
    [
        *((avc(5, kind), "h264", AVC4) for kind in (0, 2, 13, 14, 15, 19, 20, 21, 24, 31)),
        (hevc(1) + hevc(1, layer=1), "hevc", HVC4),
        (hevc(1) + hevc(1, layer=32), "hevc", HVC4),
        *((hevc(kind), "hevc", HVC4) for kind in (41, 61, 63)),
        (obu(6, b"x", spatial=0) + obu(6, b"x", spatial=1), "av1", b""),
        (obu(8), "av1", b""),
    ],
)
def test_another_layer(data: bytes, codec: str, configuration: bytes) -> None:
    with pytest.raises(Unsupported, match="layer"):
        check(data, codec, configuration)


@pytest.mark.parametrize(
    ("data", "codec", "configuration"),
    [
        (avc(5)[:-1], "h264", AVC4),
        (avc(5) + b"\x00", "h264", AVC4),
        (bytes(4), "h264", AVC4),
        (avc(5), "h264", AVC4[:4]),
        (hevc(1), "hevc", HVC4[:-1]),
        ((1).to_bytes(4) + b"\x02", "hevc", HVC4),
        (obu(6, b"xyz")[:-1], "av1", b""),
        (bytes([6 << 3 | 2]), "av1", b""),
        (bytes([6 << 3 | 6]), "av1", b""),
        (bytes([6 << 3 | 2]) + b"\x80" * 9, "av1", b""),
        (b"\x80", "av1", b""),
    ],
)
def test_units_that_do_not_fill_their_frame(data: bytes, codec: str, configuration: bytes) -> None:
    with pytest.raises(Undecodable):
        check(data, codec, configuration)


def test_units_at_the_limit_and_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "MAX_UNITS", 6)
    for data, codec, configuration in ((avc(5, 5, 5), "h264", AVC4), (obu(6, b"x") * 3, "av1", b"")):
        check_units(data * 2, [(0, len(data)), (len(data), 2 * len(data))], codec, configuration)
        with pytest.raises(TooLarge):
            check_units(data * 3, [(at * len(data), (at + 1) * len(data)) for at in range(3)], codec, configuration)
