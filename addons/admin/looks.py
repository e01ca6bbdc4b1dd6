"""How a picture looks, for a list: its PDQ hashes, taken where untrusted bytes are decoded, and without any model."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from config.media import Looking
from config.settings import Settings
from model.errors import JudgeError
from model.formats.sniff import sniff
from model.preprocess import ViewSpec
from model.sandbox import DecoderPool

DECODE_SECONDS: Final = 60.0
"""Deadline of one file: an administrator waits longer than a client does, but not for ever."""

SMALLEST: Final = ViewSpec(32, 32, 1.0, "squash", "bilinear")
"""No model looks at the views; so they are small."""


class NoLooks(Exception):
    """The hashes cannot be had; the message says why."""


@dataclass(frozen=True, slots=True)
class Look:
    """The PDQ hash of one picture as it is, 32 bytes, and its quality, 0..100."""

    pdq: bytes
    quality: int


TakeLooks = Callable[[Settings, bytes], Awaitable[Sequence[Look]]]


async def take_looks(settings: Settings, data: bytes) -> Sequence[Look]:
    """The whole pictures of a file, in their order. Raises NoLooks."""
    media = sniff(data)
    if media is None or not media.judged:
        raise NoLooks("it is of no format that is judged")
    decoder = settings.decoder.model_copy(update={"processes": 1})
    sandbox = DecoderPool(decoder, settings.limits, [SMALLEST], Looking(tiles=False))
    try:
        await sandbox.start()
        views = await sandbox.decode(data, media, time.monotonic() + DECODE_SECONDS)
    except JudgeError as error:
        raise NoLooks(str(error)) from error
    finally:
        await sandbox.close()
    hashes, quality = getattr(views, "pdq", ()), getattr(views, "quality", ())
    if not len(hashes):
        raise NoLooks("no picture in it has a PDQ hash")
    return [Look(rows[0].tobytes(), int(each)) for rows, each in zip(hashes, quality, strict=True)]
