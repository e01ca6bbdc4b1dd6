"""The tracks of an MP4 beside its pictures, and where the bytes of a track lie: in this file, and nowhere else.

Sound, timed metadata and time codes show nothing. What stands in them is named, for FFmpeg goes by that and not by the
kind of the track: a track of sound in `avc1` is a video to it. Sources: ISO/IEC 14496-12 sections 8.4.3, 8.7.2,
QuickTime File Format, the registry of mp4ra.org.
"""

from __future__ import annotations

from model.errors import Undecodable, Unsupported
from model.formats.boxtree import Level, level, numbers, only

SOUND = b"soun"
BESIDE = (SOUND, b"meta", b"tmcd")
"""Sound, and what phones and cameras write beside the pictures: timed metadata and time codes. Nobody shows them."""
_ENTRIES = {
    # What else stands in such a track FFmpeg may take for pictures, whatever the handler says.
    b"soun": tuple(b"mp4a Opus fLaC alac ac-3 ec-3 samr sawb .mp3 lpcm sowt twos in24 in32 fl32 ulaw alaw".split()),
    b"meta": (b"mebx", b"mett", b"metx", b"urim", b"gpmd", b"camm", b"djmd", b"dbgi"),
    b"tmcd": (b"tmcd",),
}
MEDIA_INFORMATION = (b"vmhd", b"smhd", b"gmhd", b"nmhd", b"hdlr", b"dinf", b"stbl")
"""Boxes of a minf, of any kind of track."""
_SELF_CONTAINED = 1


def check_beside(data: bytes, media: Level, handler: bytes) -> None:
    """Raise Unsupported for a track of a kind in BESIDE that holds something else."""
    information = level(data, only(media, b"minf"), "a track's information", MEDIA_INFORMATION)
    count_references(data, information)
    tables = level(data, only(information, b"stbl"), "a track", (b"stsd",), None)
    start, end = only(tables, b"stsd")
    entries = level(data, (start + 8, end), f"a track {handler!r}", (), _ENTRIES[handler], zeros=True)
    if not entries:
        raise Undecodable("a track without a description")


def count_references(data: bytes, information: Level) -> int:
    """How many data references a track has; Unsupported if one is to another file (8.7.2)."""
    start, end = only(level(data, only(information, b"dinf"), "the data references", (b"dref",)), b"dref")
    entries = level(data, (start + 8, end), "the data references", (), (b"url ", b"urn ", b"alis"))
    places = [place for group in entries.values() for place in group]
    for place in places:
        _, flags = numbers(data, place, ">BxxB")
        if flags != _SELF_CONTAINED:
            raise Unsupported("a video whose frames lie in another file")
    return len(places)
