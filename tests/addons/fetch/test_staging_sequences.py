"""Views and callbacks in any order: no place is ever lost, and no two fetches fly for one question."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from addons.fetch.reading import NotModified
from addons.fetch.staging import Outcome, Staged, Ticket, Unchanged
from addons.pictrs import answers
from tests.addons.fetch.staged import OTHER_URL, URL, Result, Stage, picture, settle, soon

RESULTS: list[Result | Exception] = [
    picture(),
    NotModified(),
    answers.rejected("7f3a9c00"),
    answers.OVERLOADED,
    RuntimeError("a fault of ours"),
]


class Sequences(RuleBasedStateMachine):
    """Anything that clients, pict-rs and origins may do."""

    views = Bundle("views")
    callbacks = Bundle("callbacks")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.runner.run(self._make())
        self.all_views: list[Ticket] = []
        self.all_callbacks: list[asyncio.Task[Outcome]] = []

    async def _make(self) -> None:
        self.stage = Stage()

    @rule(target=views, url=st.sampled_from([URL, OTHER_URL]))
    def open(self, url: str) -> Ticket:
        """A client asks."""
        view = self.stage.staging.open(url, soon())
        self.all_views.append(view)
        return view

    @rule(view=views)  # and not consumed: it may end twice
    def close(self, view: Ticket) -> None:
        """A client has its answer, or leaves."""
        self.runner.run(self._close(view))

    async def _close(self, view: Ticket) -> None:
        self.stage.staging.close(view)
        await settle()

    @rule(target=callbacks, url=st.sampled_from([URL, OTHER_URL]), etag=st.sampled_from([None, '"x"']))
    def call(self, url: str, etag: str | None) -> asyncio.Task[Outcome]:
        """pict-rs asks."""
        task = self.runner.run(self.stage.asked(url, etag))
        self.all_callbacks.append(task)
        return task

    @rule(callback=consumes(callbacks))
    def hang_up(self, callback: asyncio.Task[Outcome]) -> None:
        """pict-rs leaves."""
        self.runner.run(self._hang_up(callback))

    async def _hang_up(self, *callbacks: asyncio.Task[Outcome]) -> None:
        for callback in callbacks:
            callback.cancel()
        await settle()

    @rule(result=st.sampled_from(RESULTS), number=st.integers(0, 9))
    def land(self, result: Result | Exception, number: int) -> None:
        """An origin answers."""
        self.runner.run(self._land(result, number))

    async def _land(self, result: Result | Exception, number: int) -> None:
        flying = self.stage.retrieval.open
        if flying:
            self.stage.land(result, self.stage.retrieval.fetches.index(flying[number % len(flying)]))
        await settle()

    @invariant()
    def no_two_fetches_fly_for_one_address(self) -> None:
        """But for one with an ETag and one without."""
        assert max(Counter(fetch.url for fetch in self.stage.retrieval.open).values(), default=0) <= 2

    @invariant()
    def each_place_is_somebodys(self) -> None:
        """A place is taken for what flies, and for what open views may still ask for; without either there is none."""
        waiting = any(not callback.done() for callback in self.all_callbacks)
        assert len(self.stage.retrieval.open) <= self.stage.taken <= 3
        assert bool(self.stage.retrieval.open) == waiting

    @invariant()
    def every_callback_that_is_over_has_an_outcome(self) -> None:
        """One that it may be given."""
        for callback in self.all_callbacks:
            if callback.done() and not callback.cancelled() and callback.exception() is None:
                assert isinstance(callback.result(), Staged | Unchanged | answers.Answer)

    def teardown(self) -> None:
        """When all have left nothing is left."""
        for view in self.all_views:
            self.runner.run(self._close(view))
        self.runner.run(self._hang_up(*self.all_callbacks))
        taken, held = self.stage.taken, (self.stage.staging._flights, self.stage.staging._tickets)
        self.runner.close()
        assert taken == 0
        assert held == ({}, {})


Sequences.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestSequences = Sequences.TestCase
