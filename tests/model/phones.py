"""What phones write behind a photo, in the shapes that phones write: a motion photo's video, Samsung's trailer.

Made from parts when needed. Sources: Motion Photo format 1.0 and Ultra HDR Image Format 1.0 (developer.android.com),
and for version 1 of the former (MicroVideo) what its text says of it; of Samsung's trailer, which has no specification,
what ExifTool reads (lib/Image/ExifTool/Samsung.pm, ProcessSamsung).
"""

from __future__ import annotations

import struct

from PIL import Image

from tests.model.samples import encode

XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_CAMERA = "http://ns.google.com/photos/1.0/camera/"
_CONTAINER = "http://ns.google.com/photos/1.0/container/"
_GAIN_MAP = "http://ns.adobe.com/hdr-gain-map/1.0/"
_DATA_BLOCK, _TIME_BLOCK = 0x0A30, 0x0A01
_VERSION = 106


def segment(marker: int, content: bytes) -> bytes:
    """A JPEG segment."""
    return bytes([0xFF, marker]) + (2 + len(content)).to_bytes(2) + content


def xmp(attributes: str, inside: str = "") -> bytes:
    """An APP1 with one description, in the namespaces of Google's cameras."""
    names = f'xmlns:GCamera="{_CAMERA}" xmlns:Container="{_CONTAINER}" xmlns:Item="{_CONTAINER}item/"'
    names += f' xmlns:hdrgm="{_GAIN_MAP}"'
    text = f'<rdf:Description rdf:about="" {names} {attributes}>{inside}</rdf:Description>'
    text = f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{text}</rdf:RDF>'
    return segment(0xE1, XMP + f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{text}</x:xmpmeta>'.encode())


def directory(*items: tuple[str, str, int]) -> str:
    """The Container:Directory of files that stand one behind the other: their type, what each is for, its bytes."""
    rows = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="{mime}" Item:Semantic="{use}"'
        f' Item:Length="{length}" Item:Padding="0"/></rdf:li>'
        for mime, use, length in items
    )
    return f"<Container:Directory><rdf:Seq>{rows}</rdf:Seq></Container:Directory>"


def micro_video(photo: bytes, video: bytes) -> bytes:
    """Version 1: the video begins so many bytes before the end of the file."""
    offset = f'GCamera:MicroVideo="1" GCamera:MicroVideoVersion="1" GCamera:MicroVideoOffset="{len(video)}"'
    return photo[:2] + xmp(offset) + photo[2:] + video


def motion_photo(photo: bytes, video: bytes) -> bytes:
    """Version 2: a directory says what follows."""
    items = directory(("image/jpeg", "Primary", 0), ("video/mp4", "MotionPhoto", len(video)))
    flags = 'GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1"'
    return photo[:2] + xmp(flags, items) + photo[2:] + video


def mpo(first: bytes, second: bytes, count: int) -> bytes:
    """A JPEG, and another one so many times, in an index of the Multi-Picture Format (CIPA DC-007)."""
    offset = len(first) + 4 + 4 + 8 + 2 + 3 * 12 + 4 + 16 * (count + 1)
    entries = struct.pack("<IIIHH", 0x030000, offset, 0, 0, 0)
    base = 2 + 8  # from the start of the file to the TIFF header in the segment
    for number in range(count):
        entries += struct.pack("<IIIHH", 0, len(second), offset + number * len(second) - base, 0, 0)
    tags = struct.pack("<H", 3) + struct.pack("<HHI4s", 0xB000, 7, 4, b"0100")
    tags += struct.pack("<HHII", 0xB001, 4, 1, count + 1) + struct.pack("<HHII", 0xB002, 7, len(entries), 50)
    index = b"MPF\x00II*\x00" + struct.pack("<I", 8) + tags + bytes(4) + entries
    whole = first[:2] + segment(0xE2, index) + first[2:]
    assert len(whole) == offset
    return whole + second * count


def ultra_hdr(photo: bytes, gain: Image.Image, video: bytes) -> bytes:
    """A photo, its gain map, which the index names as the second picture, and a video behind both."""
    second = encode(gain, "JPEG", quality=95)
    second = second[:2] + xmp('hdrgm:Version="1.0" hdrgm:GainMapMax="2.5"') + second[2:]
    items = [("image/jpeg", "Primary", 0), ("image/jpeg", "GainMap", len(second))]
    items.append(("video/mp4", "MotionPhoto", len(video)))
    flags = 'GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" hdrgm:Version="1.0"'
    first = photo[:2] + xmp(flags, directory(*items)) + photo[2:]
    return mpo(first, second, 1) + video


def samsung(photo: bytes, video: bytes) -> bytes:
    """Blocks of (two zeros, type, length of the name, name, content), a directory SEFH that counts backwards from
    itself to each, its length, and SEFT.
    """
    parts = ((_TIME_BLOCK, b"Image_UTC_Data", b"1735787045000"), (_DATA_BLOCK, b"MotionPhoto_Data", video))
    blocks = [struct.pack("<HHI", 0, kind, len(name)) + name + content for kind, name, content in parts]
    entries, back = b"", sum(map(len, blocks))
    for (kind, _, _), block in zip(parts, blocks, strict=True):
        entries += struct.pack("<HHII", 0, kind, back, len(block))
        back -= len(block)
    head = b"SEFH" + struct.pack("<II", _VERSION, len(parts)) + entries
    return photo + b"".join(blocks) + head + struct.pack("<I", len(head)) + b"SEFT"
