"""The one door: bytes in, verdict out. Whatever goes wrong behind it becomes a verdict, and that refuses by default.

Order: self-test card, own lists, size, format, decoding in a child process, own lists again (what was decoded can be
like what is on them), then the rules with lists and classifiers, and crops of parts that came near a rule. Then the
operator's word: shadow mode lets a refusal pass, and a failure may pass where `failure:` in the settings says so. The
self-test card is refused in every mode. Bytes behind the end of a still (phones put vendor trailers and videos there)
are not judged, and the verdict's `size` says how many bytes were: no more may go on. Nothing here knows HTTP; time is
an absolute `time.monotonic()` second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Self

from config.load import Config
from config.media import OnFailure
from config.policy import Action, Origin
from config.settings import Mode
from model.card import CARD_SHA256, card
from model.classifier import Backend, Load
from model.decoding import Decoder
from model.digest import OFF_LOOP_BYTES, sha256
from model.errors import (
    DeadlineExceeded,
    DecoderFailed,
    JudgeError,
    Overloaded,
    TooLarge,
    Undecodable,
    Unsupported,
)
from model.examiner import Examiner, Looked, Seen
from model.forecast import Forecast
from model.formats.sniff import sniff
from model.inhand import InHand
from model.listed import ALLOW, DENY, File, Found, Lists, NoLists, how, of_views
from model.parts import check_labels, start_parts
from model.policy import Fired, Rules, asked, highest
from model.preprocess import Views
from model.verdict import Outcome, Verdict

__all__ = ["CARD_RULE", "OFF_LOOP_BYTES", "Judge"]

CARD_RULE = "self-test-card"
"""The rule name of the self-test card in logs and tables."""
OF_PARTS = ("device", "backend", "limits", "views", "decoder")
"""Settings that models and decoders are started with."""


class Judge:
    """Judges one file at a time, any number at once.

    `labels` gives each model's label names in order; the decoder's arrays stand in the same order of models. `lists`
    may be replaced at any time: a file is judged by those that are there when it comes.
    """

    def __init__(
        self,
        config: Config,
        decoder: Decoder,
        backend: Backend,
        labels: Mapping[str, tuple[str, ...]],
        lists: Lists | None = None,
    ) -> None:
        self.lists: Lists = lists or NoLists()
        self._labels = labels
        self._owns = True
        self._policy = config.policy
        self._hash = config.hash
        self._settings = config.settings
        self._decoder = decoder
        self._backend = backend
        self._forecast = Forecast(decoder, backend)
        examiner = partial(Examiner, config.policy, backend, labels, budget=config.settings.views.budget)
        self._hasty, self._patient = examiner(hasty=True), examiner(hasty=False)

    @property
    def device(self) -> str:
        """Where the model runs, for people: `cpu` or `cuda:0 (name)`."""
        return self._backend.device

    @property
    def load(self) -> Load:
        """What the models do now; may be asked from any thread."""
        return getattr(self._backend, "load", Load())

    @classmethod
    async def start(cls, config: Config) -> Self:
        """Be ready to judge: see start_parts, which raises what this raises."""
        parts = await start_parts(config)
        return cls(config, parts.decoder, parts.backend, parts.labels)

    def successor(self, config: Config) -> Self | None:
        """A judge by another configuration, with this one's decoders, models and lists; see `bequeath`.

        None where the configuration takes other models or decoders. Raises ModelError for a label that a model has not.
        """
        new, old = config.settings, self._settings
        if config.policy.models != self._policy.models or any(
            getattr(new, one) != getattr(old, one) for one in OF_PARTS
        ):
            return None
        check_labels(config.policy, self._labels)
        made = type(self)(config, self._decoder, self._backend, self._labels, self.lists)
        made._owns = False
        return made

    def bequeath(self, successor: Self) -> None:
        """Let the successor close what both have, and not this one."""
        self._owns, successor._owns = False, True

    async def close(self) -> None:
        """End the decoder children and the model's thread, unless a successor has them."""
        if self._owns:
            await self._decoder.close()
            self._backend.close()

    async def judge(
        self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
    ) -> Verdict:
        """Judge one file. Never raises for what is in it or for a failure that has a cause: those are verdicts too.

        `deadline` is an absolute `time.monotonic()` second; past it the verdict's cause is `deadline`. `origin` is
        where the file came from; without it, the rules for all of them count. `came_as` is the SHA-256 of the file that
        it was made of (`normalised`): lists may know it by that.
        """
        hasty = self._settings.mode is not Mode.SHADOW
        return (await self.explain(data, deadline, origin, came_as, hasty=hasty))[0]

    async def explain(
        self,
        data: bytes,
        deadline: float,
        origin: Origin | None = None,
        came_as: str | None = None,
        *,
        hasty: bool = False,
    ) -> tuple[Verdict, Looked | None]:
        """The same, with all that was looked at, unless it was settled before. Without `hasty` that is everything."""
        verdict, looked = await self._look(data, deadline, origin, came_as, hasty=hasty)
        return replace(verdict, policy=self._hash, mode=self._settings.mode), looked

    async def _look(
        self, data: bytes, deadline: float, origin: Origin | None, came_as: str | None, *, hasty: bool
    ) -> tuple[Verdict, Looked | None]:
        file = InHand(await sha256(data), len(data), sniff(data))
        file.lap("hash")
        if file.sha256 == CARD_SHA256:
            return file.verdict(Outcome.REJECT, Outcome.REJECT, CARD_RULE), None
        lists, known = self.lists, File((file.sha256,) if came_as is None else (file.sha256, came_as))
        if denied := known.denied(lists):
            return self._denied(denied, file), None
        allowed = known.allowed(lists, similar=False)
        try:
            async with asyncio.timeout_at(deadline):
                with self._forecast.file(deadline):
                    views = await self._decode(data, file, deadline)
                    if file.sha256 == CARD_SHA256:
                        return file.verdict(Outcome.REJECT, Outcome.REJECT, CARD_RULE), None
                    video = file.media is not None and file.media.pillow is None
                    known = of_views((*known.sha256, file.sha256), views, video=video, until=deadline)
                    rules, settled = await self._by_lists(known, lists, origin, file)
                    if settled is not None and hasty:
                        return settled, None
                    self._forecast.check(len(views.arrays[0]), deadline)
                    examiner = self._hasty if hasty else self._patient
                    seen = await examiner.examine(views, rules, deadline)
                file.lap("classify")
        except TimeoutError:
            return self._failed(DeadlineExceeded("no verdict in time"), file), None
        except JudgeError as error:
            # what an admin has allowed by its very bytes may be what nothing here can read
            if allowed is not None and error.sender_at_fault:
                return _allowed(allowed, file), None
            return self._failed(error, file), None
        scores = self._judged(seen, file)
        if settled is not None:
            scores = replace(settled, scores=scores.scores, in_part=scores.in_part, views=scores.views)
        return scores, Looked(seen, rules)

    async def _by_lists(
        self, known: File, lists: Lists, origin: Origin | None, file: InHand
    ) -> tuple[Rules, Verdict | None]:
        """The rules with what is on lists, and the verdict if own lists settle it.

        In a thread: a million hashes take milliseconds for each picture of an animation.
        """

        def look_up() -> tuple[Rules, Verdict | None]:
            rules = Rules(self._policy, origin, known.answers(lists, asked(self._policy, origin)))
            return rules, self._settled(known, lists, rules, file)

        return look_up() if isinstance(lists, NoLists) else await asyncio.to_thread(look_up)

    def _settled(self, known: File, lists: Lists, rules: Rules, file: InHand) -> Verdict | None:
        """The verdict that own lists come to; None: they know nothing."""
        if denied := known.denied(lists):
            if denied.kind == "pdq" and known.hashes is not None:  # of several pictures, the one that decides
                file.pdq = known.hashes[denied.view, 0].tobytes().hex()
            return self._denied(denied, file)
        if allowed := known.allowed(lists, similar=False):
            return _allowed(allowed, file)
        if like := known.allowed(lists, similar=True):
            by_lists = rules.fired([{}])
            if by_lists is None or by_lists.action is not Action.REJECT:
                return _allowed(like, file)
        return None

    def _denied(self, entry: Found, file: InHand) -> Verdict:
        outcome = Outcome.PASS if self._settings.mode is Mode.SHADOW else Outcome.REJECT
        found = file.verdict(outcome, Outcome.REJECT, DENY, detail=how(entry))
        return replace(found, note=entry.note)

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
        return self._failed(failure, InHand(await sha256(data), len(data), media))

    async def _decode(self, data: bytes, file: InHand, deadline: float) -> Views:
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

    def _judged(self, seen: Seen, file: InHand) -> Verdict:
        fired, whole = seen.fired, len(seen.by_view) - seen.parts
        strict = Outcome.REJECT if fired and fired.action is Action.REJECT else Outcome.PASS
        outcome = Outcome.PASS if self._settings.mode is Mode.SHADOW or not seen.decided else strict
        detail = _told(fired, len(seen.by_view)) if fired else ""
        found = file.verdict(outcome, strict, fired.rule if fired else None, detail=detail)
        scores, in_part = highest(seen.by_view[:whole]), highest(seen.by_view[whole:])
        return replace(found, scores=scores, in_part=in_part, views=sum(map(bool, seen.by_view)))

    def _failed(self, error: JudgeError, file: InHand) -> Verdict:
        strict = Outcome.REJECT if error.sender_at_fault else Outcome.UNAVAILABLE
        # who floods the filter is not to get anything past it by that: as with `overload`, no setting helps
        chosen = getattr(self._settings.failure, error.cause) is OnFailure.PASS and not isinstance(error, Overloaded)
        lets_pass = self._settings.mode is Mode.SHADOW or chosen
        return file.verdict(Outcome.PASS if lets_pass else strict, strict, error.cause, error.cause, str(error))


def _allowed(entry: Found, file: InHand) -> Verdict:
    return replace(file.verdict(Outcome.PASS, Outcome.PASS, ALLOW, detail=how(entry)), note=entry.note)


def _told(fired: Fired, views: int) -> str:
    """Why a rule fired, and where, in words for the log."""
    shadow = ", in shadow mode" if fired.shadow else ""
    view = f" in view {fired.view + 1} of {views}" if fired.view is not None and views > 1 else ""
    return fired.why + view + shadow


def _is_card(data: bytes) -> bool:
    """Whether it is the self-test card, with or without something behind its end."""
    return data.startswith(card())
