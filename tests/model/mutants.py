"""Small animations, damaged: bytes changed, and blocks or chunks dropped, doubled and swapped, with true checksums."""

from __future__ import annotations

import random
import zlib

import numpy as np
from PIL import Image

from model.formats.media import GIF, PNG, WEBP, MediaType
from tests.model import apng_parts, gif_parts, webp_parts
from tests.model.samples import chunk


def _gif(rng: random.Random) -> list[bytes]:
    colours = ((250, 0, 0), (0, 250, 0), (0, 0, 250), (99, 99, 99))
    width, height = rng.randint(1, 4), rng.randint(1, 4)
    parts = [gif_parts.header(width, height, colours if rng.random() < 0.9 else (), rng.randrange(5))]
    if rng.random() < 0.7:
        parts.append(gif_parts.LOOP)
    for _ in range(rng.randint(1, 4)):
        across, down = rng.randint(1, width), rng.randint(1, height)
        frame = gif_parts.Frame(
            tuple(tuple(rng.randrange(4) for _ in range(across)) for _ in range(down)),
            rng.randint(0, width - across),
            rng.randint(0, height - down),
            colours[::-1] if rng.random() < 0.3 or len(parts[0]) == 13 else (),
            rng.random() < 0.2,
            bits=rng.choice([2, 3, 8]),
        )
        if rng.random() < 0.9:
            parts.append(gif_parts.control(rng.randrange(4), rng.choice([None, 0, 3]), rng.randrange(9)))
        if rng.random() < 0.2:
            parts.append(gif_parts.extension(0xFE, b"hello"))
        parts.append(frame.image())
    return [*parts, gif_parts.TRAILER]


def _apng(rng: random.Random) -> list[bytes]:
    colour = rng.choice([apng_parts.RGB, apng_parts.RGBA, apng_parts.PALETTE, apng_parts.GREY])
    width, height = rng.randint(1, 4), rng.randint(1, 4)
    parts = [apng_parts.header(width, height, 8, colour)]
    if colour == apng_parts.PALETTE:
        parts += [chunk(b"PLTE", bytes(rng.choices(range(256), k=768))), chunk(b"tRNS", bytes([255, 0, 100]))]
    count, sequence = rng.randint(1, 4), 0
    parts.append(apng_parts.actl(count))
    for number in range(count):
        across, down = (rng.randint(1, width), rng.randint(1, height)) if number else (width, height)
        place = rng.randint(0, width - across), rng.randint(0, height - down)
        samples = np.array(rng.choices(range(256), k=across * down * apng_parts.CHANNELS[colour]), np.uint8)
        data = apng_parts.pixels(samples.reshape(down, across, -1), 8)
        parts.append(apng_parts.fctl(sequence, (across, down), place, rng.randrange(3), rng.randrange(2)))
        parts.append(apng_parts.fdat(sequence + 1, data) if number else apng_parts.idat(data))
        sequence += 2 if number else 1
    return [*parts, apng_parts.END]


def _webp(rng: random.Random) -> list[bytes]:
    width, height = 2 * rng.randint(1, 3), 2 * rng.randint(1, 3)
    parts = [webp_parts.vp8x((width, height), webp_parts.ANIMATED | webp_parts.ALPHA), webp_parts.anim()]
    for _ in range(rng.randint(1, 3)):
        size = rng.randint(1, width), rng.randint(1, height)
        place = (width - size[0]) // 2 * 2, (height - size[1]) // 2 * 2
        picture = Image.frombytes("LA", size, bytes(rng.choices(range(256), k=2 * size[0] * size[1]))).convert("RGBA")
        data = webp_parts.image(picture, lossless=rng.random() < 0.8, exact=True, method=0)
        parts.append(webp_parts.anmf(data, size, place, rng.randrange(4)))
    return parts


_PARTS = {GIF: _gif, PNG: _apng, WEBP: _webp}


def _true(data: bytes, media: MediaType) -> bytes:
    """The file with what every reader checks made right again: checksums of PNG, the length of WebP."""
    if media is WEBP:
        return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]
    if media is not PNG:
        return data
    out, at = [data[:8]], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        if at + 12 + length > len(data):
            break
        body = data[at + 4 : at + 8 + length]
        out.append(data[at : at + 4] + body + zlib.crc32(body).to_bytes(4))
        at += 12 + length
    return b"".join([*out, data[at:]])


def _numbered(parts: list[bytes]) -> list[bytes]:
    """The chunks of an APNG with sequence numbers without a hole."""
    sequence, out = 0, []
    for part in parts:
        if part[4:8] in (b"fcTL", b"fdAT"):
            out.append(chunk(part[4:8], sequence.to_bytes(4) + part[12:-4]))
            sequence += 1
        else:
            out.append(part)
    return out


def mutant(media: MediaType, seed: int) -> bytes:
    """The damaged file of that number; some are whole."""
    rng = random.Random(seed)
    parts = _PARTS[media](rng)
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        at, other = rng.randrange(len(parts)), rng.randrange(len(parts))
        match rng.randrange(4):
            case 0:
                parts[at], parts[other] = parts[other], parts[at]
            case 1:
                parts.insert(other, parts[at])
            case 2 if len(parts) > 1:
                del parts[at]
            case _:
                parts.insert(at, rng.choice(_PARTS[media](rng)))
    if media is PNG and rng.random() < 0.7:
        parts = _numbered(parts)
    data = bytearray(b"".join([b"RIFF\x00\x00\x00\x00WEBP", *parts] if media is WEBP else parts))
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        at = rng.randrange(len(data))
        match rng.randrange(6):
            case 0:
                del data[at : at + rng.randint(1, 4)]
            case 1:
                data[at:at] = bytes(rng.choices(range(256), k=rng.randint(1, 4)))
            case 2:
                data[at] ^= 1 << rng.randrange(8)
            case _:
                data[at] = rng.choice([0, 1, 2, 0x21, 0x2C, 0x3B, 0xF9, 0xFE, 0xFF, rng.randrange(256)])
        if not data:
            break
    return _true(bytes(data), media)
