"""The tracks of an animated AVIF: one of pictures, at most one beside it, which is its alpha, one frame in a sample.

libavif takes the first track that is no auxiliary one, and as its alpha the one that refers to it; other viewers go by
the kind of a track, or show the second one. So a file with a track that belongs to nothing is refused. Sources: AV1
Image File Format, section 3; ISO/IEC 14496-12 sections 8.3, 8.4.3 and 8.6; 23008-12 section 7.
"""

from __future__ import annotations

from typing import NamedTuple

from model.errors import Undecodable, Unsupported
from model.formats.av1frames import check_av1
from model.formats.boxes import boxes
from model.formats.boxtree import VISUAL_ENTRY_BYTES, Level, Place, level, numbers, only
from model.formats.sampletable import sample_table, samples
from model.formats.units import check_units

_TRACK = (b"tkhd", b"tref", b"mdia", b"edts", b"meta")
_MEDIA = (b"mdhd", b"hdlr", b"minf")
_PICTURES = (b"pict", b"vide")
_ALPHA = b"auxv"
_OF = b"auxl"


class _Track(NamedTuple):
    """Its number, its kind, the numbers of the tracks that it is auxiliary to, and its sample table."""

    number: int
    handler: bytes
    of: tuple[int, ...]
    tables: Level


def check_tracks_and_frames(data: bytes, start: int, end: int) -> None:
    """Look at the tracks of a moov box. Raise Unsupported for other tracks than one of pictures and one of its alpha,
    and for samples that do not show one frame; Undecodable for tables that do not agree.
    """
    tracks = [_track(data, (at, stop)) for kind, at, stop in boxes(data, start, end) if kind == b"trak"]
    shown = [track for track in tracks if track.handler in _PICTURES]
    if len(shown) != 1:
        raise Unsupported(f"an AVIF with {len(shown)} tracks of pictures")
    alphas = [track for track in tracks if track.handler == _ALPHA and track.of == (shown[0].number,)]
    if len(alphas) > 1 or len(tracks) > 1 + len(alphas):
        raise Unsupported("an AVIF with a track that is neither its pictures nor their alpha")
    if alphas and alphas[0].number == shown[0].number:
        raise Undecodable("two tracks with one number")
    if shown[0].of:
        raise Unsupported("an AVIF whose pictures are said to be beside others")
    for track in tracks:
        _check_frames(data, track.tables)


def _track(data: bytes, place: Place) -> _Track:
    track = level(data, place, "a track", _TRACK, None)
    media = level(data, only(track, b"mdia"), "a track's media", _MEDIA, None)
    information = level(data, only(media, b"minf"), "a track's information", (b"stbl",), None)
    (version,) = numbers(data, only(track, b"tkhd"), ">B")
    (number,) = numbers(data, only(track, b"tkhd"), ">I", 20 if version else 12)
    (handler,) = numbers(data, only(media, b"hdlr"), ">4s", 8)
    of: list[int] = []
    if b"tref" in track:
        for kind, start, end in boxes(data, *only(track, b"tref")):
            if kind == _OF:
                of += numbers(data, (start, end), f">{(end - start) // 4}I")
    return _Track(number, handler, tuple(of), sample_table(data, only(information, b"stbl")))


def _check_frames(data: bytes, tables: Level) -> None:
    start, end = only(tables, b"stsd")
    configuration = b""
    for kind, at, stop in boxes(data, start + 8, end):
        if kind != b"av01":
            raise Unsupported(f"an AVIF with a track in {kind!r}")
        entry = level(data, (at + VISUAL_ENTRY_BYTES, stop), "a description", (b"av1C",), None)
        if b"av1C" in entry:
            configuration = data[slice(*only(entry, b"av1C"))]
    frames = samples(data, tables)
    if any(frame.end > len(data) for frame in frames):
        raise Undecodable("an AVIF with a frame that lies outside of it")
    places = [(frame.start, frame.end) for frame in frames]
    check_units(data, places, "av1", configuration)
    check_av1(data, places, configuration)
