"""The one door: bytes in, verdict out. Whatever goes wrong behind it becomes a verdict, and that refuses by default.

Order: self-test card, size, format, decoding in a child process, classifier, policy, and crops of parts that came near
a rule. Then the operator's word: shadow
mode lets a refusal pass, and a failure may pass where `failure:` in the settings says so. The self-test card is refused
in every mode. Bytes behind the end of a still (phones put vendor trailers and videos there) are not judged, and the
verdict's `size` says how many bytes were: no more may go on. Nothing here knows HTTP; time is an absolute
`time.monotonic()` second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

from config.load import Config
from config.media import OnFailure
from config.settings import Mode
from model.card import CARD_SHA256, card
from model.classifier import Backend
from model.digest import OFF_LOOP_BYTES, sha256
from model.errors import (
    Cause,
    DeadlineExceeded,
    DecoderFailed,
    JudgeError,
    Overloaded,
    TooLarge,
    Undecodable,
    Unsupported,
)
from model.examiner import Examiner, Seen
from model.forecast import Forecast
from model.formats.media import MediaType
from model.formats.sniff import sniff
from model.parts import start_parts
from model.policy import highest
from model.preprocess import Views
from model.verdict import Outcome, Verdict

__all__ = ["CARD_RULE", "OFF_LOOP_BYTES", "UNKNOWN_MIME", "Decoder", "Judge"]

CARD_RULE = "self-test-card"
"""The rule name of the self-test card in logs and tables."""
UNKNOWN_MIME = "application/octet-stream"


class Decoder(Protocol):
    """What the judge needs of the decoder pool: bytes to views, raising a JudgeError when there are none."""

    async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
        """Views of one file, the arrays in the order of the models, all of the same number of views."""
        ...

    def expects(self) -> float:
        """In how many seconds another file would have a decoder; 0 when that is not known yet."""
        ...

    async def normalise(self, data: bytes, media: MediaType, deadline: float) -> bytes | None:
        """A still encoded anew, or None for an animation or a video."""
        ...

    async def close(self) -> None:
        """End all children."""
        ...


class Judge:
    """Judges one file at a time, any number at once.

    `labels` gives each model's label names in order; the decoder's arrays stand in the same order of models.
    """

    def __init__(
        self, config: Config, decoder: Decoder, backend: Backend, labels: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._settings = config.settings
        self._decoder = decoder
        self._backend = backend
        self._forecast = Forecast(decoder, backend)
        self._examiner = Examiner(
            config.policy,
            backend,
            labels,
            budget=config.settings.views.budget,
            hasty=config.settings.mode is not Mode.SHADOW,
        )

    @property
    def device(self) -> str:
        """Where the model runs, for people: `cpu` or `cuda:0 (name)`."""
        return self._backend.device

    @classmethod
    async def start(cls, config: Config) -> Self:
        """Be ready to judge: see start_parts, which raises what this raises."""
        parts = await start_parts(config)
        return cls(config, parts.decoder, parts.backend, parts.labels)

    async def close(self) -> None:
        """End the decoder children and the model's thread."""
        await self._decoder.close()
        self._backend.close()

    async def judge(self, data: bytes, deadline: float) -> Verdict:
        """Judge one file. Never raises for what is in it or for a failure that has a cause: those are verdicts too.

        `deadline` is an absolute `time.monotonic()` second; past it the verdict's cause is `deadline`.
        """
        file = _File(await sha256(data), len(data), sniff(data))
        file.lap("hash")
        if file.sha256 == CARD_SHA256:
            return file.verdict(Outcome.REJECT, Outcome.REJECT, CARD_RULE)
        try:
            async with asyncio.timeout_at(deadline):
                with self._forecast.file(deadline):
                    views = await self._decode(data, file, deadline)
                    if file.sha256 == CARD_SHA256:
                        return file.verdict(Outcome.REJECT, Outcome.REJECT, CARD_RULE)
                    self._forecast.check(len(views.arrays[0]), deadline)
                    seen = await self._examiner.examine(views, deadline)
                file.lap("classify")
        except TimeoutError:
            return self._failed(DeadlineExceeded("no verdict in time"), file)
        except JudgeError as error:
            return self._failed(error, file)
        return self._judged(seen, file)

    async def normalised(self, data: bytes, deadline: float) -> bytes | Verdict:
        """What is to be judged, and may go on, in place of `data`, if the settings want that: a still encoded anew.

        `data` itself otherwise, and where `judge` refuses it unread: what the settings take for too many bytes, no
        format that is judged, the self-test card. A verdict where no new file can be had: then there is nothing to
        judge. `deadline` is an absolute `time.monotonic()` second.
        """
        media = sniff(data)
        known = media is not None and media.pillow is not None and len(data) <= self._settings.limits.max_file_bytes
        if not self._settings.normalise or media is None or not known or _is_card(data):
            return data
        try:
            async with asyncio.timeout_at(deadline):
                new = await self._decoder.normalise(data, media, deadline)
        except TimeoutError:
            failure: JudgeError = DeadlineExceeded("not encoded anew in time")
        except JudgeError as error:
            failure = error
        else:
            return data if new is None else new
        return self._failed(failure, _File(await sha256(data), len(data), media))

    async def _decode(self, data: bytes, file: _File, deadline: float) -> Views:
        if len(data) > self._settings.limits.max_file_bytes:
            raise TooLarge(f"{len(data)} bytes, more than limits.max_file_mib allows")
        if not data:
            raise Undecodable("an empty file")
        if file.media is None:
            raise Unsupported("not a format that is known here")
        if not file.media.judged:
            raise Unsupported(f"{file.media.name} is not judged")
        with self._forecast.decoding():
            views = await self._decoder.decode(data, file.media, deadline)
        self._forecast.learn(len(views.arrays[0]))
        if not 0 <= views.trailing < len(data):
            raise DecoderFailed(f"{views.trailing} bytes behind the end of a file of {len(data)}")
        if views.trailing:
            file.size = len(data) - views.trailing
            file.sha256 = await sha256(data[: file.size])
        if len(views.pdq):
            file.pdq, file.pdq_quality = views.pdq[0, 0].tobytes().hex(), int(views.quality[0])
        if views.seen < views.distinct:
            file.sampled = f"{views.seen} of {views.distinct}"
        file.lap("decode")
        return views

    def _judged(self, seen: Seen, file: _File) -> Verdict:
        fired, whole, count = seen.fired, len(seen.by_view) - seen.parts, len(seen.by_view)
        strict = Outcome.REJECT if seen.decided else Outcome.PASS
        outcome = Outcome.PASS if self._settings.mode is Mode.SHADOW else strict
        detail = ""
        if fired:
            detail = fired.why + (f" in view {fired.view + 1} of {count}" if count > 1 else "")
        found = file.verdict(outcome, strict, fired.rule if fired else None, detail=detail)
        return replace(found, scores=highest(seen.by_view[:whole]), in_part=highest(seen.by_view[whole:]), views=count)

    def _failed(self, error: JudgeError, file: _File) -> Verdict:
        strict = Outcome.REJECT if error.sender_at_fault else Outcome.UNAVAILABLE
        # who floods the filter is not to get anything past it by that: as with `overload`, no setting helps
        chosen = getattr(self._settings.failure, error.cause) is OnFailure.PASS and not isinstance(error, Overloaded)
        lets_pass = self._settings.mode is Mode.SHADOW or chosen
        return file.verdict(Outcome.PASS if lets_pass else strict, strict, error.cause, error.cause, str(error))


@dataclass
class _File:
    """What is known of the file in hand. `size` and `sha256` are of the bytes that are judged, and may go on."""

    sha256: str
    size: int
    media: MediaType | None
    sampled: str = ""
    pdq: str | None = None
    pdq_quality: int = 0
    ms: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.monotonic)

    def lap(self, stage: str) -> None:
        """Note a stage's milliseconds."""
        now = time.monotonic()
        self.ms[stage] = round((now - self.last) * 1000, 1)
        self.last = now

    def verdict(
        self, outcome: Outcome, strict: Outcome, rule: str | None, cause: Cause | None = None, detail: str = ""
    ) -> Verdict:
        """A verdict on it."""
        name, mime = (self.media.name, self.media.mime) if self.media else (None, UNKNOWN_MIME)
        known = (self.sha256, self.size, name, mime)
        found = Verdict(outcome, strict, rule, cause, *known, sampled=self.sampled, detail=detail, stage_ms=self.ms)
        return replace(found, pdq=self.pdq, pdq_quality=self.pdq_quality)


def _is_card(data: bytes) -> bool:
    """Whether it is the self-test card, with or without something behind its end."""
    return data.startswith(card())
