"""MP4 and QuickTime: one track of pictures, nothing beside it that a player could show, and every frame in its place.

A walk over the whole file. Bytes in mdat that belong to no frame are let be: no player reads them. Sources: ISO/IEC
14496-12, QuickTime File Format.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.av1frames import check_av1
from model.formats.beside import BESIDE, MEDIA_INFORMATION, SOUND, check_beside, count_references
from model.formats.boxtree import Level, Place, level, numbers, only
from model.formats.container import Container
from model.formats.covers import check_metadata
from model.formats.fragments import FRAGMENT_BOXES, fragment_samples
from model.formats.mp4track import ACCEPTED, check_apertures, check_edits, description, orientation, turned
from model.formats.sampletable import Sample, sample_table, samples
from model.formats.units import check_units

MAX_TRACKS = 16
"""Tracks of a file; a phone's have up to seven, of which most are timed metadata."""
MAX_AUDIO_TRACKS = 1
MAX_SECONDS = 24 * 60 * 60
"""Longest video, so that a wrong timescale is not taken for a length."""

_TOP = (b"ftyp", b"moov", b"meta")
_TOP_MANY = (b"mdat", b"free", b"skip", b"wide", b"uuid", b"pdin")
_MOVIE = (b"mvhd", b"iods", b"udta", b"meta", b"mvex")
_MOVIE_MANY = (b"trak", b"free", b"skip", b"uuid")
_TRACK = (b"tkhd", b"tapt", b"load", b"edts", b"tref", b"mdia", b"udta", b"meta")
_TRACK_MANY = (b"free", b"skip", b"uuid", b"sgpd", b"sbgp")
_MEDIA = (b"mdhd", b"hdlr", b"minf", b"elng", b"udta")
_PICTURES = (b"vide", b"pict", b"auxv")
_PLAIN_COPY = (0, 0x40)
"""graphicsmode of vmhd: copy, and QuickTime's dither copy, which Apple writes. The others blend."""


def mp4(data: bytes) -> Container:
    """The structure of a whole MP4 or QuickTime file. Raises Undecodable, Unsupported and TooLarge."""
    top = level(data, (0, len(data)), "the file", _TOP, (*_TOP_MANY, *FRAGMENT_BOXES))
    only(top, b"ftyp")
    if any(start != end for start, end in top.get(b"wide", [])):
        raise Unsupported("a box 'wide' with something in it")
    movie = level(data, only(top, b"moov"), "the movie", _MOVIE, _MOVIE_MANY, zeros=True)
    check_metadata(data, top)
    check_metadata(data, movie)
    (version,) = numbers(data, only(movie, b"mvhd"), ">B")
    (movie_ticks,) = numbers(data, only(movie, b"mvhd"), ">I", 20 if version else 12)
    if orientation(list(numbers(data, only(movie, b"mvhd"), ">9i", 48 if version else 36))) != 1 or not movie_ticks:
        raise Unsupported("a movie that turns all of its tracks, or has no time")
    tracks = _tracks(data, movie.get(b"trak", []))
    return _container(data, top, movie, tracks, movie_ticks)


class Tracks(NamedTuple):
    """The boxes of the only track of pictures and of its mdia, its number, and the numbers of all tracks."""

    track: Level
    media: Level
    number: int
    numbers: set[int]


def _tracks(data: bytes, places: list[Place]) -> Tracks:
    """What tracks there are. Unsupported for those that a player may show besides the pictures."""
    if len(places) > MAX_TRACKS:
        raise TooLarge(f"{len(places)} tracks")
    pictures: list[tuple[Level, Level, int]] = []
    found: list[int] = []
    audio = 0
    for place in places:
        track = level(data, place, "a track", _TRACK, _TRACK_MANY, zeros=True)
        media = level(data, only(track, b"mdia"), "a track's media", _MEDIA)
        check_metadata(data, track)
        check_metadata(data, media)
        (handler,) = numbers(data, only(media, b"hdlr"), ">4s", 8)
        (version,) = numbers(data, only(track, b"tkhd"), ">B")
        found += numbers(data, only(track, b"tkhd"), ">I", 20 if version else 12)
        audio += handler == SOUND
        if handler in _PICTURES:
            pictures.append((track, media, found[-1]))
        elif handler in BESIDE:
            check_beside(data, media, handler)
        else:
            raise Unsupported(f"a track of the kind {handler!r}; accepted is {ACCEPTED}")
    if len(pictures) != 1 or audio > MAX_AUDIO_TRACKS:
        raise Unsupported(f"{len(pictures)} tracks of pictures and {audio} of sound; accepted is {ACCEPTED}")
    if len(set(found)) != len(found):
        raise Undecodable("two tracks with one number")
    return Tracks(*pictures[0], set(found))


def _container(data: bytes, top: Level, movie: Level, tracks: Tracks, movie_ticks: int) -> Container:
    track, media = tracks.track, tracks.media
    information = level(data, only(media, b"minf"), "the video's information", MEDIA_INFORMATION)
    (mode,) = numbers(data, only(information, b"vmhd"), ">H", 4)
    if mode not in _PLAIN_COPY:
        raise Unsupported("a video that is blended with what is behind it")
    tables = sample_table(data, only(information, b"stbl"))
    what = description(data, only(tables, b"stsd"), count_references(data, information))
    frames = samples(data, tables) + fragment_samples(data, top, movie, tracks.number, tracks.numbers)
    if not frames:
        raise Undecodable("a video without frames")
    (version,) = numbers(data, only(media, b"mdhd"), ">B")
    (ticks,) = numbers(data, only(media, b"mdhd"), ">I", 20 if version else 12)
    if not ticks:
        raise Undecodable("a video without time")
    seconds = sum(frame.duration for frame in frames) / ticks
    if seconds > MAX_SECONDS:
        raise TooLarge(f"a video of {seconds:.0f} seconds")
    if b"edts" in track:
        edits = level(data, only(track, b"edts"), "the edits", (b"elst",))
        check_edits(data, only(edits, b"elst"), frames, ticks, movie_ticks)
    _check_places(frames, top.get(b"mdat", []))
    places = [(frame.start, frame.end) for frame in frames]
    check_units(data, places, what.codec, what.configuration)
    if what.codec == "av1":
        check_av1(data, places, what.configuration)
    if b"tapt" in track:
        check_apertures(data, only(track, b"tapt"), what.size)
    turn = turned(data, only(track, b"tkhd"), what.size)
    return Container(len(data), (data,), len(frames), what.size, codec=what.codec, seconds=seconds, orientation=turn)


def _check_places(frames: list[Sample], media: list[Place]) -> None:
    """Every frame lies in one mdat, and no two share a byte."""
    starts = [start for start, _ in media]
    before = 0
    for frame in sorted(frames):
        index = bisect_right(starts, frame.start) - 1
        if index < 0 or frame.end > media[index][1]:
            raise Undecodable("a frame that lies outside of the media data")
        if frame.start < before:
            raise Undecodable("two frames share their bytes")
        before = frame.end
