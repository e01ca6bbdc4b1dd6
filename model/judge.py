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
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray

from config.load import Config
from config.media import OnFailure
from config.policy import Action
from config.settings import Mode
from model import weights
from model.card import CARD_SHA256, card
from model.classifier import Backend, LocalBackend
from model.digest import OFF_LOOP_BYTES, sha256
from model.errors import (
    Cause,
    ClassifierFailed,
    DeadlineExceeded,
    DecoderFailed,
    JudgeError,
    ModelError,
    TooLarge,
    Undecodable,
    Unsupported,
)
from model.formats.media import MediaType
from model.formats.sniff import sniff
from model.magnified import CROPS, crops
from model.policy import evaluate, highest, signals, suspects
from model.sandbox import DecoderPool, Views
from model.verdict import Outcome, Verdict

__all__ = ["CARD_RULE", "OFF_LOOP_BYTES", "UNKNOWN_MIME", "Decoder", "Judge", "Parts", "start_parts"]

CARD_RULE = "self-test-card"
"""The rule name of the self-test card in logs and tables."""
UNKNOWN_MIME = "application/octet-stream"


class Decoder(Protocol):
    """What the judge needs of the decoder pool: bytes to views, raising a JudgeError when there are none."""

    async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
        """Views of one file, the arrays in the order of the models, all of the same number of views."""
        ...

    async def normalise(self, data: bytes, media: MediaType, deadline: float) -> bytes | None:
        """A still encoded anew, or None for an animation or a video."""
        ...

    async def close(self) -> None:
        """End all children."""
        ...


@dataclass(frozen=True)
class Parts:
    """What a judge is made of, started: decoders, the models, and each model's label names in order."""

    decoder: DecoderPool
    backend: Backend
    labels: Mapping[str, tuple[str, ...]]

    async def close(self) -> None:
        """End the decoder children and the model's thread."""
        await self.decoder.close()
        self.backend.close()


async def start_parts(config: Config) -> Parts:
    """Load and warm the models (seconds, in a thread) and start the decoders.

    Raises model.ModelError with words for the operator when a model cannot be had, DecoderFailed for the decoders.
    """
    loaded = await asyncio.to_thread(_load, config)
    names = list(config.policy.models)
    settings = config.settings
    pool = DecoderPool(settings.decoder, settings.limits, [loaded[name].view for name in names], settings.views)
    parts = Parts(pool, LocalBackend(loaded, _leave_a_core), {name: loaded[name].labels for name in names})
    try:
        await pool.start()
    except BaseException:
        await parts.close()
        raise
    return parts


class Judge:
    """Judges one file at a time, any number at once.

    `labels` gives each model's label names in order; the decoder's arrays stand in the same order of models.
    """

    def __init__(
        self, config: Config, decoder: Decoder, backend: Backend, labels: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._settings = config.settings
        self._policy = config.policy
        self._decoder = decoder
        self._backend = backend
        self._labels = labels

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
                views = await self._decode(data, file, deadline)
                if file.sha256 == CARD_SHA256:
                    return file.verdict(Outcome.REJECT, Outcome.REJECT, CARD_RULE)
                by_view = await self._classify(views.arrays, deadline)
                if not 0 <= views.parts < len(by_view):
                    raise DecoderFailed(f"{views.parts} parts in {len(by_view)} views")
                closer = await self._look_closer(by_view, views, deadline)
                file.lap("classify")
        except TimeoutError:
            return self._failed(DeadlineExceeded("no verdict in time"), file)
        except JudgeError as error:
            return self._failed(error, file)
        return self._judged(by_view + closer, views.parts + len(closer), file)

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
        views = await self._decoder.decode(data, file.media, deadline)
        if not 0 <= views.trailing < len(data):
            raise DecoderFailed(f"{views.trailing} bytes behind the end of a file of {len(data)}")
        if views.trailing:
            file.size = len(data) - views.trailing
            file.sha256 = await sha256(data[: file.size])
        if views.seen < views.distinct:
            file.sampled = f"{views.seen} of {views.distinct}"
        file.lap("decode")
        return views

    async def _look_closer(self, seen: list[dict[str, float]], views: Views, deadline: float) -> list[dict[str, float]]:
        """The signals of crops of suspicious parts, as far as the budget goes; none if a rule refuses already."""
        larger = len(views.magnified[0]) if views.magnified else 0
        fired = evaluate(self._policy, seen, views.parts)
        if not larger or (fired and fired.action is Action.REJECT):
            return []
        first = len(seen) - views.parts
        found = suspects(self._policy, seen[first : first + larger])
        closer: list[dict[str, float]] = []
        for part in found[: max(0, self._settings.views.budget - len(seen)) // CROPS]:
            arrays = [
                crops(one[part], *array.shape[1:3]) for one, array in zip(views.magnified, views.arrays, strict=True)
            ]
            closer += await self._classify(arrays, deadline)
        return closer

    async def _classify(self, arrays: Sequence[NDArray[np.uint8]], deadline: float) -> list[dict[str, float]]:
        scores: dict[str, NDArray[np.float32]] = {}
        for model, array in zip(self._labels, arrays, strict=True):
            scores[model] = await self._backend.classify(model, array, deadline)
            if len(scores[model]) != len(array):
                raise ClassifierFailed(f"{len(array)} views went in, {len(scores[model])} scores came out")
        try:
            by_view = signals(self._policy, self._labels, scores)
        except ValueError as error:
            raise ClassifierFailed(str(error)) from error
        if not by_view:
            raise ClassifierFailed("no views to judge")
        return by_view

    def _judged(self, by_view: list[dict[str, float]], parts: int, file: _File) -> Verdict:
        fired = evaluate(self._policy, by_view, parts)
        strict = Outcome.REJECT if fired and fired.action is Action.REJECT else Outcome.PASS
        outcome = Outcome.PASS if self._settings.mode is Mode.SHADOW else strict
        detail = ""
        if fired:
            detail = fired.why + (f" in view {fired.view + 1} of {len(by_view)}" if len(by_view) > 1 else "")
        found = file.verdict(outcome, strict, fired.rule if fired else None, detail=detail)
        whole = len(by_view) - parts
        return replace(found, scores=highest(by_view[:whole]), in_part=highest(by_view[whole:]), views=len(by_view))

    def _failed(self, error: JudgeError, file: _File) -> Verdict:
        strict = Outcome.REJECT if error.sender_at_fault else Outcome.UNAVAILABLE
        lets_pass = self._settings.mode is Mode.SHADOW or getattr(self._settings.failure, error.cause) is OnFailure.PASS
        return file.verdict(Outcome.PASS if lets_pass else strict, strict, error.cause, error.cause, str(error))


@dataclass
class _File:
    """What is known of the file in hand. `size` and `sha256` are of the bytes that are judged, and may go on."""

    sha256: str
    size: int
    media: MediaType | None
    sampled: str = ""
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
        return Verdict(outcome, strict, rule, cause, *known, sampled=self.sampled, detail=detail, stage_ms=self.ms)


def _is_card(data: bytes) -> bool:
    """Whether it is the self-test card, with or without something behind its end."""
    return data.startswith(card())


def _leave_a_core() -> None:
    """Called in the thread where the models run, since torch keeps this number by thread.

    One core stays for the event loop and the decoders. torch's threads wait by spinning: with as many as there are
    cores, a busy neighbour makes a forward ten times slower (seen on two cores: 26 ms alone, seconds with company; with
    one thread 34 ms in both cases).
    """
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))


def _load(config: Config) -> dict[str, weights.LoadedModel]:
    loaded = {name: weights.load(spec, config.settings.device) for name, spec in config.policy.models.items()}
    for name, signal in config.policy.signals.items():
        missing = [label for label in signal.label_names if label not in loaded[signal.model].labels]
        if missing:
            have = ", ".join(loaded[signal.model].labels[:20])
            raise ModelError(f"signal '{name}': model '{signal.model}' has no label {missing[0]!r}; it has: {have}")
    for model in loaded.values():
        model.warm_up()
    return loaded
