"""ICC profiles made by hand from tags, and those that lcms makes."""

from __future__ import annotations

import struct

from PIL import ImageCms


def srgb() -> bytes:
    """That of lcms."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def taken_apart(profile: bytes) -> dict[bytes, bytes]:
    """The tags of a profile."""
    tags = {}
    for at in range(132, 132 + 12 * int.from_bytes(profile[128:132]), 12):
        place, size = struct.unpack(">II", profile[at + 4 : at + 12])
        tags[profile[at : at + 4]] = profile[place : place + size]
    return tags


def put_together(head: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    """A profile of these tags, with the first 128 bytes of another one but for the size."""
    table, contents, at = b"", b"", 132 + 12 * len(tags)
    for name, content in tags:
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", at, len(content))
        contents += content
        at += len(content)
    return struct.pack(">I", at) + head[4:128] + struct.pack(">I", len(tags)) + table + contents


def negative(light: float = 1.0) -> bytes:
    """A table (mft2, ICC.1:2022 section 10.10) in XYZ that turns black into white, or so much of its light, and white
    into black.
    """
    tables = b"mft2" + bytes(4) + bytes([3, 3, 2, 0])
    tables += struct.pack(">9i", *(65536 * (at % 4 == 0) for at in range(9))) + struct.pack(">HH", 2, 2)
    ramp = struct.pack(">HH", 0, 65535) * 3
    white = (31595, 32768, 27030)
    whiteness = [(3 - red - green - blue) / 3 for red in (0, 1) for green in (0, 1) for blue in (0, 1)]
    corners = [[round(light * level * part) for level in white] for part in whiteness]
    return tables + ramp + b"".join(struct.pack(">3H", *corner) for corner in corners) + ramp


def having(*more: tuple[bytes, bytes]) -> bytes:
    """sRGB with more tags."""
    return put_together(srgb(), [*taken_apart(srgb()).items(), *more])
