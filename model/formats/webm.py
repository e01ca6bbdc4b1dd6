"""WebM: one track of pictures in VP8, VP9 or AV1, at most one of sound, and every block where the indexes say.

A walk over the whole file, of known or unknown length: what browsers record has no lengths. Sources: RFC 9559
(Matroska), the WebM container guidelines, RFC 6386 (VP8).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from model.errors import TooLarge, Undecodable, Unsupported
from model.formats.av1frames import check_av1
from model.formats.container import Container
from model.formats.ebml import (
    CRC32,
    MAX_ELEMENTS,
    VOID,
    Element,
    Level,
    element,
    elements,
    inside,
    level,
    text,
    unsigned,
    vint,
)
from model.formats.units import check_units
from model.formats.vp9 import check_vp9
from model.formats.webmtrack import ACCEPTED, Tracks, tracks

HEADER, SEGMENT = 0x1A45DFA3, 0x18538067
SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES, TAGS = 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B, 0x1254C367
ATTACHMENTS, CHAPTERS = 0x1941A469, 0x1043A770
_TOP = (SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES, TAGS, ATTACHMENTS, CHAPTERS)
_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK, _ADDITIONS = 0xE7, 0xA3, 0xA0, 0xA1, 0x75A1
_IN_CLUSTER = frozenset({_TIMESTAMP, 0xA7, 0xAB, _SIMPLE_BLOCK, _BLOCK_GROUP, VOID, CRC32})
"""With Position and PrevSize. Not EncryptedBlock and SilentTracks."""
_IN_GROUP = (_BLOCK, _ADDITIONS, 0x9B, 0xFA, 0x75A2)
"""With BlockDuration, ReferencePriority and DiscardPadding; 0xFB, ReferenceBlock, may come often."""
_IN_HEADER = (0x4286, 0x42F7, 0x42F2, 0x42F3, 0x4282, 0x4287, 0x4285)
_IN_INFO = (0x2AD7B1, 0x4489, 0x7BA9, 0x4D80, 0x5741, 0x4461, 0x73A4)
"""Scale, Duration, Title, MuxingApp, WritingApp, DateUTC, SegmentUUID: nothing of linked segments."""
_CUE_POINT, _CUE_PLACES = 0xBB, 0xB7
_IN_PLACES = (0xF7, 0xF1, 0xF0, 0xB2, 0x5378)
"""CueTrack, CueClusterPosition, CueRelativePosition, CueDuration, CueBlockNumber."""
_LACING, _INVISIBLE = 0x06, 0x08
VP8_SHOWN = 0x10
"""show_frame in the first byte of a VP8 frame; RFC 6386, section 9.1."""


class Block(NamedTuple):
    """A frame of one track: where its element and its bytes begin and end, when it is shown, and its flags."""

    head: int
    start: int
    end: int
    track: int
    time: int
    flags: int


def webm(data: bytes) -> Container:
    """The structure of a whole WebM file. Raises Undecodable, Unsupported and TooLarge."""
    header = element(data, 0, len(data))
    _check_header(data, header)
    segment = element(data, inside(header)[1], len(data))
    if segment.identity != SEGMENT or segment.end not in (None, len(data)):
        raise Undecodable("a WebM that is not one header and one segment up to its end")
    top = list(_top(data, segment.start))
    once = [each.identity for each in top if each.identity in (INFO, TRACKS, CUES)]
    if sorted(set(once)) != sorted(once) or not {INFO, TRACKS} <= set(once):
        raise Undecodable("a WebM without a list of tracks, or with two")
    if any(each.identity in (ATTACHMENTS, CHAPTERS) for each in top):
        raise Unsupported(f"a WebM with attachments or chapters; accepted is {ACCEPTED}, and nothing else")
    by_kind = {each.identity: each for each in top}
    info = level(data, inside(by_kind[INFO]), "the WebM's info", _IN_INFO)
    found = tracks(data, inside(by_kind[TRACKS]))
    blocks = [block for each in top if each.identity == CLUSTER for block in _blocks(data, each, found)]
    if len(blocks) > MAX_ELEMENTS:
        raise TooLarge(f"more than {MAX_ELEMENTS} blocks")
    _check_seek_heads(data, top, segment.start)
    if CUES in by_kind:
        _check_cues(data, by_kind[CUES], top, {block.head for block in blocks}, segment.start, found)
    return _container(data, found, [block for block in blocks if block.track == found.video], info)


def _container(data: bytes, found: Tracks, frames: list[Block], info: Level) -> Container:
    shown = 0
    for frame in frames:
        visible = found.codec != "vp8" or bool(data[frame.start] & VP8_SHOWN)
        if frame.flags & _LACING or (frame.flags & _INVISIBLE and visible):
            raise Unsupported("a WebM whose frames are laced or marked as invisible")
        shown += visible
    if not shown:
        raise Undecodable("a video without frames")
    places = [(frame.start, frame.end) for frame in frames]
    if found.codec == "vp9":
        check_vp9(data, places, found.size)
    if found.codec == "av1":
        check_units(data, places, "av1", b"")
        check_av1(data, places)
    scale = unsigned(data, info, 0x2AD7B1, 1_000_000)
    if not scale:
        raise Undecodable("a video without time")
    times = [frame.time for frame in frames]
    seconds = (max(times) - min(times)) * scale / 1e9
    return Container(len(data), (data,), shown, found.size, codec=found.codec, seconds=seconds)


def _check_header(data: bytes, header: Element) -> None:
    if header.identity != HEADER:
        raise Undecodable("a WebM without a header")
    parts = level(data, inside(header), "the WebM's header", _IN_HEADER)
    read, longest_identity, longest_size = (unsigned(data, parts, kind, value) for kind, value in _HEADER_DEFAULTS)
    if text(data, parts, 0x4282) != b"webm" or (read, longest_identity, longest_size) != (1, 4, 8):
        raise Unsupported(f"another kind of EBML; accepted is {ACCEPTED}")


_HEADER_DEFAULTS = ((0x42F7, 1), (0x42F2, 4), (0x42F3, 8))
"""EBMLReadVersion, EBMLMaxIDLength and EBMLMaxSizeLength; RFC 8794, section 11.2."""


def _top(data: bytes, at: int) -> Iterator[Element]:
    """The elements in the segment. A cluster of unknown length ends where something begins that is not of a cluster."""
    count = 0
    while at < len(data):
        count += 1
        if count > MAX_ELEMENTS:
            raise TooLarge(f"more than {MAX_ELEMENTS} elements in the segment")
        found = element(data, at, len(data))
        if found.end is None:
            if found.identity != CLUSTER:
                raise Undecodable("an element of the WebM has no length")
            found = found._replace(end=_end_of_cluster(data, found.start))
        if found.identity not in (*_TOP, VOID, CRC32):
            raise Unsupported(f"an element {found.identity:X} in the WebM, which some players may know")
        yield found
        at = inside(found)[1]


def _end_of_cluster(data: bytes, at: int) -> int:
    while at < len(data):
        found = element(data, at, len(data))
        if found.identity not in _IN_CLUSTER:
            return at
        at = inside(found)[1]
    return at


def _blocks(data: bytes, cluster: Element, found: Tracks) -> Iterator[Block]:
    """The blocks of one cluster, each of a track that is known. Unsupported for alpha and encryption."""
    start, end = inside(cluster)
    parts = list(elements(data, start, end))
    kinds = [part.identity for part in parts]
    if kinds.count(_TIMESTAMP) != 1 or set(kinds) - _IN_CLUSTER:
        raise Unsupported("a cluster of a WebM without a time, or with something that some players may know")
    time = unsigned(data, {_TIMESTAMP: [parts[kinds.index(_TIMESTAMP)]]}, _TIMESTAMP, 0)
    for part in parts:
        if part.identity == _SIMPLE_BLOCK:
            yield _block(data, part.head, inside(part), time, found)
        elif part.identity == _BLOCK_GROUP:
            group = level(data, inside(part), "a block", _IN_GROUP, (0xFB,))
            if _ADDITIONS in group:
                raise Unsupported(f"a WebM with transparency; accepted is {ACCEPTED}, without alpha")
            if _BLOCK not in group:
                raise Undecodable("a group of blocks without a block")
            yield _block(data, part.head, inside(group[_BLOCK][0]), time, found)


def _block(data: bytes, head: int, place: tuple[int, int], time: int, found: Tracks) -> Block:
    """RFC 9559, section 10.1: the track's number, a time of 16 bits against the cluster's, flags, the frame."""
    start, end = place
    track = vint(data, start, end)
    if track is None or track[1] + 4 > end:
        raise Undecodable("a block of the WebM breaks off")
    number, start = track
    if number not in (found.video, found.audio):
        raise Unsupported("a block of a track that is not there")
    shift = int.from_bytes(data[start : start + 2], signed=True)
    return Block(head, start + 3, end, number, time + shift, data[start + 2])


def _check_seek_heads(data: bytes, top: list[Element], segment: int) -> None:
    """Each entry has to point at what it says: players follow it."""
    places = {(each.identity, each.head) for each in top}
    for seek_head in (each for each in top if each.identity == SEEK_HEAD):
        for seek in level(data, inside(seek_head), "a seek head", (), (0x4DBB,)).get(0x4DBB, []):
            entry = level(data, inside(seek), "a seek head", (0x53AB, 0x53AC))
            if (unsigned(data, entry, 0x53AB, 0), segment + unsigned(data, entry, 0x53AC, 0)) not in places:
                raise Undecodable("an index of the WebM points at something else than it says")


def _check_cues(data: bytes, cues: Element, top: list[Element], blocks: set[int], segment: int, found: Tracks) -> None:
    """Each cue has to point at a cluster, and at a block in it: that is where players go on after a jump."""
    clusters = {each.head - segment: each.start for each in top if each.identity == CLUSTER}
    for point in level(data, inside(cues), "the cues", (), (_CUE_POINT,)).get(_CUE_POINT, []):
        parts = level(data, inside(point), "a cue", (0xB3,), (_CUE_PLACES,))
        for places in parts.get(_CUE_PLACES, []):
            place = level(data, inside(places), "a cue", _IN_PLACES)
            cluster = clusters.get(unsigned(data, place, 0xF1, 0))
            track = unsigned(data, place, 0xF7, 0)
            if cluster is None or track not in (found.video, found.audio):
                raise Undecodable("an index of the WebM points at something else than it says")
            if 0xF0 in place and cluster + unsigned(data, place, 0xF0, 0) not in blocks:
                raise Undecodable("an index of the WebM points into the middle of something")
