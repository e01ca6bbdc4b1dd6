"""Files that are small or plain and would cost a decoder much time or memory: each is one that an attacker would send.

Innocent as pictures go: they are black, grey or noise. Made when needed, and of at most 40 MiB, the default limit.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import cache, partial

import numpy as np
from PIL import Image

from tests.model import apng_parts, gif_parts, heif_parts, webp_parts
from tests.model.phones import mpo, segment
from tests.model.samples import chunk, encode, picture, pictures, png
from tests.model.videos import box, patch, put, video
from tests.model.webms import CLUSTER, CUES, INFO, SEEK_HEAD, SEGMENT, TRACKS, UNKNOWN, ebml, parted, plain, together

MIB = 1024 * 1024
FILE_BYTES = 40 * MIB
HUGE = 60_000
"""Pixels of a side, far beyond the limits."""
SIDE = 6300
"""Pixels of a side of the largest square within the limit of 40 million."""


def zeros(count: int, rest: int = 0) -> bytes:
    """So many MiB of zeros and a rest in bytes, packed by a thousand: equal blocks, with their true checksum."""
    packer = zlib.compressobj(9)
    first = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    sums = ((count * MIB + rest) % 65521) << 16 | 1  # Adler-32 of zeros alone, RFC 1950
    last = packer.compress(bytes(rest)) + packer.flush()
    return first + again * (count - 1) + last[:-4] + sums.to_bytes(4)


def _png_with(*before: bytes) -> bytes:
    rows = np.zeros((40, 49), np.uint8).tobytes()
    return png(rows, 48, 40, before=b"".join(before))


def png_pixels() -> bytes:
    """48 x 40 pixels, and a gigabyte behind them."""
    whole = apng_parts.header(48, 40, 8, apng_parts.GREY)
    return whole + apng_parts.idat(zeros(1024)) + apng_parts.END


def png_text() -> bytes:
    """Forty compressed texts that are 25 MiB each."""
    return _png_with(*(chunk(b"zTXt", b"Comment\x00\x00" + zeros(25)) for _ in range(40)))


def apng_controls() -> bytes:
    """100,000 frames without pixels."""
    controls = (apng_parts.fctl(number, (1, 1)) for number in range(100_000))
    return apng_parts.header(1, 1) + apng_parts.actl(100_000) + b"".join(controls) + apng_parts.END


def apng_palette() -> bytes:
    """900 frames that share a palette of 20 MiB."""
    dot = apng_parts.pixels(np.zeros((1, 1), np.uint8), 8)
    parts = [apng_parts.header(1, 1, 8, apng_parts.PALETTE), chunk(b"PLTE", bytes(20 * MIB)), apng_parts.actl(900)]
    parts += [apng_parts.fctl(0, (1, 1)), apng_parts.idat(dot)]
    for number in range(1, 900):
        parts += [apng_parts.fctl(2 * number - 1, (1, 1)), apng_parts.fdat(2 * number, dot)]
    return b"".join([*parts, apng_parts.END])


def apng_large(count: int) -> bytes:
    """Frames of 40 million transparent pixels, packed to 160 KB each."""
    dots = zeros(*divmod((4 * SIDE + 1) * SIDE, MIB))
    parts = [apng_parts.header(SIDE, SIDE), apng_parts.actl(count), apng_parts.fctl(0, (SIDE, SIDE))]
    parts.append(apng_parts.idat(dots))
    for number in range(1, count):
        parts += [apng_parts.fctl(2 * number - 1, (SIDE, SIDE), blend=1), apng_parts.fdat(2 * number, dots)]
    return b"".join([*parts, apng_parts.END])


@cache
def _gif_parts(side: int) -> tuple[bytes, bytes]:
    """(header with its colours, image block) of a square of one colour, which LZW packs by a thousand."""
    data = encode(Image.new("P", (side, side)), "GIF")
    start = 13 + (3 << (data[10] & 7) + 1)
    return data[:start], data[data.index(b",\0\0\0\0", start) : -1]


def gif_large(count: int) -> bytes:
    """Frames of 40 million pixels, 40 KB each."""
    head, image = _gif_parts(SIDE)
    return head + gif_parts.LOOP + (gif_parts.control(0, 0) + image) * count + b";"


def gif_frames() -> bytes:
    """100,000 frames of one pixel."""
    dot = gif_parts.plain(1, 1, 0).blocks()
    return gif_parts.header(1, 1, ((0, 0, 0), (9, 9, 9))) + gif_parts.LOOP + dot * 100_000 + b";"


def gif_extensions(empty: bool) -> bytes:
    """100,000 extensions without anything in them, or 8 million of one byte."""
    extensions = b"!\xfe\x00" * 100_000 if empty else b"!\xfe\x01a\x00" * (FILE_BYTES // 5 - 100)
    return gif_parts.header(1, 1, ((0, 0, 0), (9, 9, 9))) + extensions + gif_parts.plain(1, 1, 0).image() + b";"


def gif_blocks() -> bytes:
    """A picture whose compressed pixels come byte by byte, and go on for 40 MiB."""
    head, image = _gif_parts(48)
    return head + image[:11] + b"\x01\x00" * ((FILE_BYTES - 1000) // 2) + b"\x00;"


def jpeg_segments() -> bytes:
    """Ten million empty comments."""
    data = encode(picture(), "JPEG")
    return data[:2] + b"\xff\xfe\x00\x02" * ((FILE_BYTES - len(data)) // 4) + data[2:]


def jpeg_profile() -> bytes:
    """An ICC profile in 255 segments, as large as there can be: 16 MB."""
    parts = (b"ICC_PROFILE\x00" + bytes([number, 255]) + bytes(65_519) for number in range(1, 256))
    data = encode(picture(), "JPEG")
    return data[:2] + b"".join(b"\xff\xe2\xff\xff" + part for part in parts) + data[2:]


def jpeg_scans(scans: int, components: int = 1) -> bytes:
    """40 million pixels in so many scans, each of bits that are all zero: a run of blocks in which nothing happens.

    The average of each block, then every further coefficient alone, then further bits of them (ITU-T T.81, G.1).
    """
    names = range(1, components + 1)
    blocks = ((SIDE + 7) // 8) ** 2
    head = b"\xff\xd8" + segment(0xDB, b"\x00" + b"\x01" * 64)
    head += segment(
        0xC2, struct.pack(">BHHB", 8, SIDE, SIDE, components) + b"".join(bytes([n, 0x11, 0]) for n in names)
    )
    head += segment(0xC4, b"\x00\x01" + bytes(15) + b"\x00") + segment(0xC4, b"\x10\x01" + bytes(15) + b"\xe0")
    parts = [head]
    every = bytes([components]) + b"".join(bytes([n, 0]) for n in names)
    parts.append(segment(0xDA, every + b"\x00\x00\x00") + bytes(components * blocks // 8 + 1))
    one = [(n, k, high, high - 1) for high in range(5, 0, -1) for k in range(1, 64) for n in names]
    for name, coefficient, high, low in one[: scans - 1]:
        high = 0 if high == 5 else high
        scan = bytes([1, name, 0, coefficient, coefficient, high << 4 | low])
        parts.append(segment(0xDA, scan) + bytes(15 * (blocks // 16384 + 1) // 8 + 2))
    return b"".join(parts) + b"\xff\xd9"


def mpo_many() -> bytes:
    """4,000 pictures of 8 x 8 pixels, more than may be, in an index as long as a segment may be."""
    small = encode(Image.new("L", (8, 8)), "JPEG")
    return mpo(small, small, 4000)


def mpo_follow() -> bytes:
    """An index of two pictures, and half a million of a few bytes that follow close upon each other."""
    small = encode(Image.new("L", (8, 8)), "JPEG", optimize=True)
    least = small[:2] + small[small.index(b"\xff\xc0") :]
    return mpo(small, least, 1) + least * ((FILE_BYTES - 10_000) // len(least) - 1)


def mpo_large() -> bytes:
    """A small picture, and 60 of 40 million pixels."""
    return mpo(encode(Image.new("L", (8, 8)), "JPEG"), jpeg_scans(20), 60)


def webp_frames() -> bytes:
    """20,000 frames of one pixel."""
    dot = webp_parts.anmf(webp_parts.image(Image.new("RGB", (1, 1)), lossless=True), (1, 1))
    return webp_parts.riff(webp_parts.vp8x((2, 2), webp_parts.ANIMATED), webp_parts.anim(), dot * 20_000)


def webp_large(count: int) -> bytes:
    """Frames of 40 million transparent pixels."""
    size = (10_000, 4000)
    alone = webp_parts.image(Image.new("RGBA", size), lossless=True, exact=True, method=0)
    frame = webp_parts.anmf(alone, size)
    flags = webp_parts.ANIMATED | webp_parts.ALPHA
    return webp_parts.riff(webp_parts.vp8x(size, flags), webp_parts.anim(), frame * count)


def webp_profile() -> bytes:
    """An ICC profile of 30 MiB."""
    still = webp_parts.image(picture())
    flags = webp_parts.vp8x((48, 40), webp_parts.ICC)
    return webp_parts.riff(flags, webp_parts.chunk(b"ICCP", bytes(30 * MIB)), still)


def avif_grid(columns: int, rows: int) -> bytes:
    """A picture of so many tiles of 64 x 64 pixels."""
    tile = heif_parts.picture_item(size=(64, 64))
    items = (heif_parts.grid_item(columns, rows, (64 * columns, 64 * rows)), *[tile] * (columns * rows))
    related = (b"dimg", 1, *range(2, 2 + columns * rows))
    return _avif(items, (related,))


def avif_pictures(count: int, size: tuple[int, int]) -> bytes:
    """So many large pictures in one file, of a few hundred bytes each."""
    return _avif((_black(size),) * count)


@cache
def _black(size: tuple[int, int]) -> heif_parts.Item:
    data = encode(Image.new("RGB", size), "AVIF", speed=10, quality=10, subsampling="4:2:0")
    top = heif_parts.children(data, 0, len(data))
    properties = heif_parts.children(top[b"meta"], 4, len(top[b"meta"]))[b"iprp"]
    found = heif_parts.children(properties, 0, len(properties))[b"ipco"]
    kept = (heif_parts.box(kind, content) for kind, content in heif_parts.children(found, 0, len(found)).items())
    return heif_parts.Item(b"av01", top[b"mdat"], tuple(kept))


def _avif(items: tuple[heif_parts.Item, ...], related: tuple[tuple[bytes, int, *tuple[int, ...]], ...] = ()) -> bytes:
    return heif_parts.Collection(items, related, wide=True).file()


def avif_associations() -> bytes:
    """Thirteen million items that have no properties."""
    whole = _avif((heif_parts.picture_item(),))
    entry = heif_parts.full(b"ipma", (FILE_BYTES // 3 - 2000).to_bytes(4), b"\x00\x01\x00" * (FILE_BYTES // 3 - 2000))
    return patch_meta(whole, b"iprp", lambda content: content + entry)


def avif_relations() -> bytes:
    """Twenty million targets of descriptions, and of tiles."""
    whole = _avif((heif_parts.picture_item(), heif_parts.grid_item(1, 1, (48, 40)), heif_parts.picture_item()))
    targets = np.arange(3, 60_003, dtype=">u4").tobytes()
    boxes = [heif_parts.box(b"cdsc", (9).to_bytes(4), (60_000).to_bytes(2), targets)] * 170
    return patch_meta(whole, b"iref", lambda content: content + b"".join(boxes))


def patch_meta(data: bytes, kind: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """An AVIF of heif_parts with the content of one box of its meta replaced."""
    top = heif_parts.children(data, 0, len(data))
    parts = heif_parts.children(top[b"meta"], 4, len(top[b"meta"]))
    parts[kind] = change(parts[kind])
    meta = heif_parts.full(b"meta", *(heif_parts.box(*part) for part in parts.items()))
    return heif_parts.box(b"ftyp", top[b"ftyp"]) + meta


def jxl_header(width: int, height: int) -> bytes:
    """A bare codestream that is a size and zeros (ISO/IEC 18181-1, annex D)."""
    bits = 0b11 << 1 | (height - 1) << 3 | 0 << 33 | 0b11 << 36 | (width - 1) << 38
    return b"\xff\x0a" + bits.to_bytes(9, "little") + bytes(64)


def mp4_samples() -> bytes:
    """A table that says it has two thousand million frames, all of one size."""
    return put(video(), "moov trak mdia minf stbl stsz", 4, (100).to_bytes(4) + (1 << 31).to_bytes(4))


def mp4_runs() -> bytes:
    """A fragment whose runs of 16 bytes say that they have 100,000 frames each, by their defaults."""
    whole = patch(
        video(), "moov", lambda content: content + box(b"mvex", box(b"trex", struct.pack(">6I", 0, 1, 1, 1, 1, 0)))
    )
    runs = box(b"trun", struct.pack(">II", 0, 100_000)) * 9000
    return whole + box(b"moof", box(b"traf", box(b"tfhd", struct.pack(">II", 0x20000, 1)) + runs))


def mp4_indexes() -> bytes:
    """10,000 indexes of fragments of 4 KB each."""
    index = struct.pack(">IIIIIHH", 0, 1, 25, 0, 0, 0, 300) + bytes(12 * 300)
    return video() + box(b"sidx", index) * 9990


def mp4_free(count: int) -> bytes:
    """Fragments full of boxes that mean nothing."""
    free = box(b"free") * 9000
    track = box(b"traf", box(b"tfhd", struct.pack(">II", 0x20000, 1)) + free)
    whole = patch(
        video(), "moov", lambda content: content + box(b"mvex", box(b"trex", struct.pack(">6I", 0, 1, 1, 1, 1, 0)))
    )
    return whole + box(b"moof", track) * count


def nested(kind: bytes, depth: int) -> bytes:
    """Boxes one in the other."""
    out = b""
    for _ in range(depth):
        out = box(kind, out)
    return out


def mp4_nested(path: str) -> bytes:
    """Boxes `moov` 10,000 deep where one of another kind is wanted."""
    return patch(video(), path, lambda content: content + nested(b"moov", 10_000))


def webm_nested() -> bytes:
    """Clusters of no known length one in the other, 10,000 deep."""
    header, parts = parted(plain())
    kept = b"".join(ebml(*part) for part in parts if part[0] in (INFO, TRACKS))
    return header + ebml(SEGMENT, kept + ebml(CLUSTER, b"", UNKNOWN) * 10_000, UNKNOWN)


def webm_void(groups: bool) -> bytes:
    """Clusters full of empty elements that mean nothing, 20 million in all; or groups of blocks that are."""
    header, parts = parted(plain())
    most = 190_000
    void = b"\xec\x80" * most
    cluster = ebml(0xE7, b"\x00") + (ebml(0xA0, ebml(0xA1, b"\x81\x00\x00\x00x") + void) * 10 if groups else void)
    count = FILE_BYTES // len(cluster) - 1
    return together(header, [*parts, *[(CLUSTER, cluster)] * count])


def webm_seeks() -> bytes:
    """Three million entries of an index."""
    header, parts = parted(plain())
    entry = ebml(0x4DBB, b"\x53\xab\x84" + INFO.to_bytes(4) + b"\x53\xac\x81\x00", b"\x8b")
    return together(header, [(SEEK_HEAD, entry * 190_000)] * 12 + parts)


def webm_cues() -> bytes:
    """Two million places in one index."""
    header, parts = parted(plain())
    place = b"\xb7\x86\xf7\x81\x01\xf1\x81\x00"
    point = ebml(0xBB, b"\xb3\x81\x00" + place * 190_000)
    return together(header, [*parts, (CUES, point * 20)])


BOMBS: dict[str, Callable[[], bytes]] = {
    "png 60,000 x 60,000": partial(png, b"", HUGE, HUGE),
    "png 1 GB of pixels": png_pixels,
    "png 1 GB of profile": lambda: _png_with(chunk(b"iCCP", b"x\x00\x00" + zeros(1024))),
    "png 1 GB of zTXt": lambda: _png_with(chunk(b"zTXt", b"Comment\x00\x00" + zeros(1024))),
    "png 1 GB of iTXt": lambda: _png_with(chunk(b"iTXt", b"Comment\x00\x01\x00\x00\x00" + zeros(1024))),
    "png 1 GB of zTXt in forty": png_text,
    "apng 100,000 controls": apng_controls,
    "apng palette of 20 MiB": apng_palette,
    "apng large frames": lambda: apng_large(12),
    "gif 60,000 x 60,000": lambda: encode(picture(mode="P"), "GIF").replace(b"\x30\x00\x28\x00", b"\x60\xea\x60\xea"),
    "gif 100,000 frames": gif_frames,
    "gif 100,000 empty extensions": lambda: gif_extensions(empty=True),
    "gif 8 million extensions": lambda: gif_extensions(empty=False),
    "gif 20 million blocks": gif_blocks,
    "gif large frames": lambda: gif_large(12),
    "jpeg 60,000 x 60,000": lambda: encode(picture(), "JPEG").replace(b"\x08\x00\x28\x00\x30", b"\x08\xea\x60\xea\x60"),
    "jpeg 10 million segments": jpeg_segments,
    "jpeg profile of 16 MB": jpeg_profile,
    "jpeg 100 scans of 40 million pixels": lambda: jpeg_scans(100),
    "jpeg 100 scans of 40 million pixels in colour": lambda: jpeg_scans(100, 3),
    "jpeg 800 scans": lambda: jpeg_scans(800, 3),
    "mpo 4,000 pictures": mpo_many,
    "mpo pictures that follow": mpo_follow,
    "mpo large pictures": mpo_large,
    "webp 60,000 x 60,000": lambda: webp_parts.riff(webp_parts.vp8x((HUGE, HUGE), 0), webp_parts.image(picture())),
    "webp 20,000 frames": webp_frames,
    "webp large frames": lambda: webp_large(12),
    "webp profile of 30 MiB": webp_profile,
    "avif 60,000 x 60,000": lambda: encode(picture(), "AVIF", speed=10).replace(
        (48).to_bytes(4) + (40).to_bytes(4), HUGE.to_bytes(4) * 2
    ),
    "avif 1,024 tiles": lambda: avif_grid(32, 32),
    "avif 200 large pictures": lambda: avif_pictures(200, (4000, 4000)),
    "avif 13 million associations": avif_associations,
    "avif 10 million relations": avif_relations,
    "jxl 60,000 x 60,000": lambda: jxl_header(HUGE, HUGE),
    "jxl 2^30 x 2^30": lambda: jxl_header(1 << 30, 1 << 30),
    "mp4 2^31 samples": mp4_samples,
    "mp4 runs of frames by default": mp4_runs,
    "mp4 10,000 indexes": mp4_indexes,
    "mp4 5 million empty boxes": lambda: mp4_free(540),
    "mp4 nested movies": lambda: mp4_nested("moov"),
    "mp4 nested in a track": lambda: mp4_nested("moov trak mdia minf stbl"),
    "mp4 nested at the top": lambda: video() + nested(b"moov", 10_000),
    "webm nested clusters": webm_nested,
    "webm 20 million empty elements": lambda: webm_void(groups=False),
    "webm empty elements in groups": lambda: webm_void(groups=True),
    "webm 2 million seek entries": webm_seeks,
    "webm 3 million cues": webm_cues,
    "many pictures in a file": lambda: encode(pictures(4), "GIF") * 3,
}
"""By name. None of them may take the decoder's time or memory for itself."""
