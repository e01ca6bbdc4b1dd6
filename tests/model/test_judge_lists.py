"""The door with lists: what comes before what, and what a likeness may and may not do."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from config.load import Config
from config.policy import PolicySpec
from model.card import CARD_SHA256, card, plain
from model.errors import DecoderFailed, JudgeError, Undecodable
from model.formats.media import MediaType
from model.judge import CARD_RULE, Judge
from model.listed import NoLists
from model.preprocess import Views
from model.verdict import Outcome, Verdict
from tests.fakelists import Entries, Entry, pdq
from tests.model.test_judge import LABELS, FakeBackend, FakeDecoder, config

JPEG = plain()
SHA256 = hashlib.sha256(JPEG).hexdigest()
RULES: list[dict[str, Any]] = [
    {"name": "shared", "when": {"list": "friends"}, "action": "reject"},
    {"name": "trusted", "when": {"list": "mine"}, "action": "allow"},
    {"name": "explicit", "when": {"signal": "nsfw", "at_least": 0.85}, "action": "reject"},
]


class Hashed(FakeDecoder):
    """A picture whose PDQ hash is so many bits from that of every entry."""

    def __init__(self, distance: int = 256, trailing: int = 0, fault: JudgeError | None = None) -> None:
        super().__init__(fault=fault)
        self.distance, self.trailing = distance, trailing

    async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
        views = await super().decode(data, media, deadline)
        object.__setattr__(views, "pdq", pdq(self.distance)[0])
        object.__setattr__(views, "quality", np.array([100], np.uint8))
        if self.trailing:
            object.__setattr__(views, "trailing", self.trailing)
        return views


def with_lists(**settings: Any) -> Config:
    loaded = config(**settings)
    plain = loaded.policy.model_dump(exclude_none=True)
    lists = {"friends": {"file": "/friends.txt"}, "mine": {"file": "/mine.txt"}}
    return replace(loaded, policy=PolicySpec.model_validate(plain | {"lists": lists, "rules": RULES}))


async def ask(
    entries: dict[str, list[Entry]],
    score: float = 0.9,
    decoder: Hashed | None = None,
    data: bytes = JPEG,
    **settings: Any,
) -> tuple[Verdict, FakeBackend, Hashed]:
    decoder, backend = decoder or Hashed(), FakeBackend(score)
    judge = Judge(with_lists(**settings), decoder, backend, LABELS, Entries(entries))
    return await judge.judge(data, time.monotonic() + 10, "upload"), backend, decoder


EXACT, LIKE = Entry("sha256", SHA256, "my note"), Entry("pdq", note="looks like it")


async def test_a_denied_file_is_refused_unread() -> None:
    found, backend, decoder = await ask({"deny": [EXACT], "allow": [EXACT]}, score=0.1)
    assert (found.outcome, found.strict, found.rule, found.cause) == (Outcome.REJECT, Outcome.REJECT, "deny", None)
    assert (found.note, found.detail) == ("my note", "sha256: my note")
    assert (backend.seen, decoder.seen) == (0, 0)


async def test_what_looks_like_a_denied_picture_is_refused_without_a_model() -> None:
    found, backend, _ = await ask({"deny": [LIKE], "allow": [EXACT]}, score=0.1, decoder=Hashed(31))
    assert (found.outcome, found.rule, found.detail) == (Outcome.REJECT, "deny", "pdq, 31 bits away: looks like it")
    assert backend.seen == 0
    found, *_ = await ask({"deny": [LIKE]}, score=0.1, decoder=Hashed(32))
    assert (found.outcome, found.rule) == (Outcome.PASS, None)


async def test_in_shadow_mode_a_denied_file_is_told_and_passes() -> None:
    found, *_ = await ask({"deny": [EXACT]}, mode="shadow")
    assert (found.outcome, found.strict, found.rule) == (Outcome.PASS, Outcome.REJECT, "deny")


async def test_an_allowed_file_passes_whatever_models_and_other_lists_say_and_cites_the_note() -> None:
    found, backend, _ = await ask({"allow": [EXACT], "friends": [EXACT, LIKE]}, decoder=Hashed(0))
    assert (found.outcome, found.strict, found.rule, found.note) == (Outcome.PASS, Outcome.PASS, "allow", "my note")
    assert (backend.seen, found.unscanned, found.size) == (0, False, len(JPEG))


@pytest.mark.parametrize(("distance", "passes"), [(0, True), (10, True), (11, False)])
async def test_what_looks_like_an_allowed_picture_passes_only_if_it_comes_very_near(
    distance: int, passes: bool
) -> None:
    found, *_ = await ask({"allow": [LIKE]}, decoder=Hashed(distance))
    assert (found.outcome, found.rule) == ((Outcome.PASS, "allow") if passes else (Outcome.REJECT, "explicit"))


async def test_a_likeness_to_an_allowed_picture_does_not_help_what_a_list_refuses() -> None:
    found, *_ = await ask({"allow": [LIKE], "friends": [LIKE]}, score=0.1, decoder=Hashed(0))
    assert (found.outcome, found.rule) == (Outcome.REJECT, "shared")
    assert found.detail == "on the list friends (pdq, 0 bits away: looks like it)"


async def test_a_rule_that_allows_takes_no_likeness() -> None:
    found, backend, _ = await ask({"mine": [EXACT]})
    assert (found.outcome, found.rule, backend.seen) == (Outcome.PASS, "trusted", 0)
    found, *_ = await ask({"mine": [LIKE]}, decoder=Hashed(0))
    assert (found.outcome, found.rule) == (Outcome.REJECT, "explicit")


async def test_a_file_is_known_by_what_it_is_without_what_stands_behind_its_end() -> None:
    for name, outcome in (("deny", Outcome.REJECT), ("allow", Outcome.PASS)):
        found, *_ = await ask({name: [EXACT]}, decoder=Hashed(trailing=7), data=JPEG + b"trailer")
        assert (found.outcome, found.rule, found.size) == (outcome, name, len(JPEG))


async def test_what_cannot_be_read_passes_if_these_very_bytes_are_allowed() -> None:
    found, *_ = await ask({"allow": [EXACT]}, decoder=Hashed(fault=Undecodable("broken")))
    assert (found.outcome, found.rule, found.cause, found.unscanned) == (Outcome.PASS, "allow", None, False)
    found, *_ = await ask({"allow": [LIKE]}, decoder=Hashed(fault=Undecodable("broken")))
    assert (found.outcome, found.cause) == (Outcome.REJECT, "undecodable")


async def test_a_failure_of_ours_is_not_excused_by_a_list() -> None:
    """What is denied by its likeness could not be found out."""
    found, *_ = await ask({"allow": [EXACT]}, decoder=Hashed(fault=DecoderFailed("killed")))
    assert (found.outcome, found.cause) == (Outcome.UNAVAILABLE, "decoder")


@pytest.mark.parametrize("mode", ["enforce", "shadow"])
async def test_the_card_cannot_be_allowed(mode: str) -> None:
    allowed = {"allow": [Entry("sha256", CARD_SHA256)]}
    found, *_ = await ask(allowed, data=card(), mode=mode)
    assert (found.outcome, found.rule) == (Outcome.REJECT, CARD_RULE)


async def test_lists_can_be_replaced_while_it_runs() -> None:
    judge = Judge(with_lists(), Hashed(), FakeBackend(0.1), LABELS)
    assert isinstance(judge.lists, NoLists)
    assert (await judge.judge(JPEG, time.monotonic() + 10)).outcome is Outcome.PASS
    judge.lists = Entries({"deny": [EXACT]})
    assert (await judge.judge(JPEG, time.monotonic() + 10)).rule == "deny"


async def test_rules_are_those_for_where_it_came_from() -> None:
    loaded = config()
    plain = loaded.policy.model_dump(exclude_none=True)
    rules = [RULES[2] | {"sources": ["proxy"]}]
    made = replace(loaded, policy=PolicySpec.model_validate(plain | {"rules": rules}))
    judge = Judge(made, Hashed(), FakeBackend(0.9), LABELS)
    found = {origin: await judge.judge(JPEG, time.monotonic() + 10, origin) for origin in ("proxy", "upload")}
    assert {origin: verdict.outcome for origin, verdict in found.items()} == {
        "proxy": Outcome.REJECT,
        "upload": Outcome.PASS,
    }
    assert [verdict.views for verdict in found.values()] == [1, 0]


async def test_a_rule_in_shadow_mode_passes_and_says_what_it_would_have_done() -> None:
    loaded = config()
    plain = loaded.policy.model_dump(exclude_none=True)
    rules = [RULES[2] | {"shadow": True}]
    made = replace(loaded, policy=PolicySpec.model_validate(plain | {"rules": rules}))
    found = await Judge(made, Hashed(), FakeBackend(0.9), LABELS).judge(JPEG, time.monotonic() + 10)
    assert (found.outcome, found.strict, found.rule) == (Outcome.PASS, Outcome.REJECT, "explicit")
    assert found.detail == "nsfw 0.900 is at least 0.85, in shadow mode"


async def test_everything_can_be_shown_of_what_is_settled_too() -> None:
    judge = Judge(with_lists(), Hashed(), FakeBackend(0.9), LABELS, Entries({"allow": [EXACT]}))
    found, looked = await judge.explain(JPEG, time.monotonic() + 10)
    assert (found.outcome, found.rule) == (Outcome.PASS, "allow")
    assert found.scores == pytest.approx({"nsfw": 0.9})
    assert looked is not None
    assert looked.seen.fired is not None
    assert looked.seen.fired.rule == "explicit"


class Two(Hashed):
    """Two pictures, as an animation has, or a transparent still: the first looks like what is on the lists."""

    def __init__(self, second: int, *, seen: int = 2) -> None:
        super().__init__(0)
        self.second, self.shown = second, seen

    async def decode(self, data: bytes, media: MediaType, deadline: float) -> Views:
        views = await super().decode(data, media, deadline)
        rows, quality = np.concatenate([pdq(0)[0], pdq(self.second)[0]]), np.array([100, 100], np.uint8)
        return replace(views, pdq=rows, quality=quality, distinct=2, seen=self.shown)


@pytest.mark.parametrize(("second", "seen", "passes"), [(256, 2, False), (10, 2, True), (10, 1, False)])
async def test_one_allowed_picture_lets_no_other_one_pass_with_it(second: int, seen: int, passes: bool) -> None:
    found, backend, _ = await ask({"allow": [LIKE]}, decoder=Two(second, seen=seen))
    assert (found.outcome, found.rule) == ((Outcome.PASS, "allow") if passes else (Outcome.REJECT, "explicit"))
    assert bool(backend.seen) is not passes


async def test_one_denied_picture_is_enough() -> None:
    found, *_ = await ask({"deny": [LIKE]}, score=0.1, decoder=Two(256))
    assert (found.outcome, found.rule) == (Outcome.REJECT, "deny")


@pytest.mark.parametrize("name", ["deny", "allow"])
async def test_a_file_that_was_encoded_anew_is_known_by_what_it_came_as(name: str) -> None:
    judge = Judge(with_lists(), Hashed(), FakeBackend(0.9), LABELS, Entries({name: [Entry("sha256", "0f" * 32)]}))
    known = await judge.judge(JPEG, time.monotonic() + 10, "upload", "0f" * 32)
    assert (known.rule, known.sha256) == (name, SHA256)
    assert (await judge.judge(JPEG, time.monotonic() + 10, "upload")).rule == "explicit"


async def test_lists_that_take_too_long_are_a_deadline() -> None:
    class Slow(Entries):
        def by_pdq(self, *_: Any) -> Any:
            raise TimeoutError

    judge = Judge(with_lists(), Hashed(), FakeBackend(0.1), LABELS, Slow({}))
    found = await judge.judge(JPEG, time.monotonic() + 10)
    assert (found.outcome, found.cause) == (Outcome.UNAVAILABLE, "deadline")
