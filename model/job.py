"""What the pool tells a decoder once, and what a decoder may answer: both ends of the pipe agree here.

The answer comes from a process that has read untrusted bytes, and is checked as if they had written it: its status from
a fixed set, its numbers within the limits, its body as long as the specs demand, its words few and printable. Whatever
else it is, it is DecoderFailed. A wrong answer of the right shape cannot be told; such a process has been taken over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from model.errors import DecoderFailed, JudgeError, TooLarge, Undecodable, Unsupported
from model.formats.media import MediaType
from model.formats.sniff import sniff
from model.magnified import magnified_size
from model.pdq import HASH_BYTES, MAX_QUALITY, TURNS
from model.plan import DEFAULT, Plan
from model.preprocess import Views, ViewSpec

MAX_MESSAGE = 200
"""Characters of a reason; Pillow's longest are about 120."""
_REFUSALS: dict[str, type[JudgeError]] = {kind.cause: kind for kind in (Undecodable, Unsupported, TooLarge)}
_NUMBERS = ("width", "height", "frames", "views", "trailing", "distinct", "seen", "parts", "magnified", "hashes")
MAX_DISTINCT = 4_000_000
"""Pictures of one file that may differ: more than 100,000 frames in all 36 ways (model/pixels.py)."""


class PictureLimits(NamedTuple):
    """Those of config.media.Limits that concern a picture; see there."""

    max_side_pixels: int
    max_area_pixels: int
    max_frames: int
    max_video_side_pixels: int = 3840
    max_video_area_pixels: int = 8_294_400
    max_video_total_pixels: int = 850_000_000
    max_video_seconds: int = 86_400


class Job(NamedTuple):
    """Limits, the models' inputs, and what one process may use."""

    limits: PictureLimits
    specs: tuple[ViewSpec, ...]
    max_file_bytes: int
    memory_mib: int
    cpu_seconds: int
    plan: Plan = DEFAULT

    def pack(self) -> dict[str, object]:
        """As a header."""
        parts = {"limits": self.limits._asdict(), "plan": self.plan._asdict()}
        return self._asdict() | parts | {"specs": [vars(spec) for spec in self.specs]}

    @classmethod
    def unpack(cls, header: Mapping[str, Any]) -> Job:
        """From a header that the pool wrote."""
        specs = tuple(ViewSpec(**spec | {"fill": tuple(spec["fill"])}) for spec in header["specs"])
        limits, plan = PictureLimits(**header["limits"]), Plan(**header["plan"])
        return cls(**{**header, "limits": limits, "plan": plan, "specs": specs})

    @property
    def max_body_bytes(self) -> int:
        """The longest answer: as many views and magnified parts as are planned, for every model, and as many hashes."""
        return _body_bytes(self.plan.most, self.plan.magnified, self.plan.most, self.specs)


def answer(views: Views) -> dict[str, object]:
    """The header before the arrays of a file's views."""
    numbers = (
        views.width,
        views.height,
        views.frames,
        _count(views.arrays),
        views.trailing,
        views.distinct,
        views.seen,
        views.parts,
        len(views.magnified[0]) if views.magnified else 0,
        len(views.pdq),
    )
    return {"status": "ok"} | dict(zip(_NUMBERS, numbers, strict=True))


def refusal(error: JudgeError) -> dict[str, object]:
    """The answer for a file that is not judged."""
    return {"status": error.cause, "message": str(error)}


def read_answer(header: Mapping[str, object], body: bytes, job: Job, file_bytes: int) -> Views:
    """The views of an answer that came with its body: `read_numbers` and `read_views`. Only good news has a body."""
    if body and header.get("status") != "ok":
        raise DecoderFailed("the decoder's answer makes no sense")
    return read_views(read_numbers(header, job, file_bytes), bytearray(body), job)


def read_numbers(header: Mapping[str, object], job: Job, file_bytes: int) -> dict[str, int]:
    """The numbers in a decoder's answer to a file of so many bytes, those that `answer` writes.

    Raises the decoder's Undecodable, Unsupported or TooLarge, and DecoderFailed if the answer is none.
    """
    _check_refusal(header)
    if header.get("status") != "ok" or header.keys() != {"status", *_NUMBERS}:
        raise DecoderFailed("the decoder's answer makes no sense")
    limits, wide, views = job.limits, range(1, job.limits.max_side_pixels + 1), range(1, job.plan.most + 1)
    frames, distinct = range(1, limits.max_frames + 1), range(1, MAX_DISTINCT)
    some = range(job.plan.most + 1), range(job.plan.most), range(job.plan.magnified + 1), views
    ranges = (wide, wide, frames, views, range(file_bytes), distinct, *some)
    numbers: dict[str, int] = {}
    for name, allowed in zip(_NUMBERS, ranges, strict=True):
        value = header[name]
        if type(value) is not int or value not in allowed:
            raise DecoderFailed(f"the decoder's answer has a wrong number of {name}")
        numbers[name] = value
    if numbers["width"] * numbers["height"] > limits.max_area_pixels:
        raise DecoderFailed("the decoder's answer is of a larger picture than is allowed")
    if numbers["magnified"] > numbers["parts"]:
        raise DecoderFailed("the decoder's answer has more magnified parts than parts")
    return numbers


def body_bytes(numbers: Mapping[str, int], job: Job) -> int:
    """How long the body of an answer is: all views of the first model, of the next; its magnified parts, the next's;
    the hashes of all pictures; their qualities.
    """
    return _body_bytes(numbers["views"], numbers["magnified"], numbers["hashes"], job.specs)


def read_views(numbers: Mapping[str, int], body: bytearray, job: Job) -> Views:
    """The views of an answer in arrays over its body; writable. DecoderFailed if it has another length, or a quality
    that there is none of.
    """
    if len(body) != body_bytes(numbers, job):
        raise DecoderFailed("the decoder's answer is not as long as it says")
    shapes: list[tuple[int, ...]] = [(numbers["views"], spec.height, spec.width, 3) for spec in job.specs]
    shapes += [(numbers["magnified"], *magnified_size(spec), 3) for spec in job.specs]
    shapes += [(numbers["hashes"], TURNS, HASH_BYTES), (numbers["hashes"],)]
    arrays = []
    at = 0
    for shape in shapes:
        arrays.append(np.frombuffer(body, np.uint8, math.prod(shape), at).reshape(shape))
        at += math.prod(shape)
    *arrays, pdq, quality = arrays
    if quality.max() > MAX_QUALITY:
        raise DecoderFailed("the decoder's answer has a hash of no such quality")
    models = len(job.specs)
    sizes = numbers["width"], numbers["height"], numbers["frames"]
    rest = numbers["trailing"], numbers["distinct"], numbers["seen"], numbers["parts"]
    return Views(*sizes, tuple(arrays[:models]), *rest, tuple(arrays[models:]), pdq, quality)


def new_file(data: bytes | None) -> dict[str, object]:
    """The header before a still that was encoded anew; None: an animation or a video, which is not."""
    return {"status": "as it came" if data is None else "new"}


def read_new_file(header: Mapping[str, object], body: bytes, job: Job, media: MediaType) -> bytes | None:
    """The file in a decoder's answer, of the format `media`, or None if it is to go on as it came.

    Raises the decoder's Undecodable, Unsupported or TooLarge, and DecoderFailed if the answer is none.
    """
    if not body:
        _check_refusal(header)
    if header == new_file(None) and not body:
        return None
    if header != new_file(body) or not 0 < len(body) <= job.max_file_bytes or sniff(body) is not media:
        raise DecoderFailed(f"the decoder's answer is no new file of the format {media.name}")
    return body


def _check_refusal(header: Mapping[str, object]) -> None:
    status = header.get("status")
    if isinstance(status, str) and status in _REFUSALS and header.keys() == {"status", "message"}:
        raise _REFUSALS[status](printable(str(header["message"]), MAX_MESSAGE))


def printable(text: str, limit: int) -> str:
    """At most `limit` characters of a text, in ASCII, with everything that is not printable escaped."""
    return text[:limit].encode("unicode_escape").decode("ascii")[:limit]


def _body_bytes(views: int, magnified: int, hashes: int, specs: Sequence[ViewSpec]) -> int:
    one = sum(math.prod((spec.height, spec.width, 3)) for spec in specs)
    larger = sum(math.prod((*magnified_size(spec), 3)) for spec in specs)
    return views * one + magnified * larger + hashes * (TURNS * HASH_BYTES + 1)


def _count(arrays: Sequence[np.ndarray[Any, Any]]) -> int:
    return len(arrays[0]) if arrays else 1
