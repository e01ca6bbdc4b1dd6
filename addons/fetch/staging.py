"""Media of `?proxy=` addresses: handed to pict-rs inside its own call for them, fetched and judged there and then.

    view      a client's request with `?proxy=U`; it goes on with a staged address of ours in place of U
    callback  pict-rs asks for the staged address, which it does only when it has nothing under it
    flight    one fetch and one judging, for every callback that asks for the same while it lasts

The bytes served are the bytes judged: they go from the judge to the callback in one piece, and lie nowhere in between.
Rules this file keeps: a flight ends when nobody waits for it any more, and by the deadline of the view that caused it;
what passed is kept only until the views that were open then have ended, because each of them may still be about to ask.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field

from addons.admission import FETCH_SHARE, Admission, Slot
from addons.fetch import address
from addons.fetch.reading import NotModified
from addons.fetch.retrieval import Retrieval, Retrieved
from addons.fetch.seal import Seal, Stamp
from addons.fetch.validators import Validators
from addons.pictrs import answers
from addons.pictrs.answers import Answer
from addons.seldom import Seldom

PROBE = "probe:"
"""Stands in a staged address where a URL would: pict-rs is made to ask for it, which shows that it can. It is a 404."""


UNCHANGED_SECONDS = 3600
"""How long pict-rs 0.6 may serve what it has before it asks again: an hour is the longest it accepts (src/client.rs),
and so the longest until a stricter policy reaches proxied media that are stored already."""
FAILED_SECONDS = 60
"""The same where the filter could not look: an error would make pict-rs drop a picture that passed."""
FAILED = (400, 500)
"""What pict-rs answers when it got no picture, or could not ask for one (seen with 0.5.25 and 0.6.0-rc.6)."""
COMPLAIN_SECONDS = 60.0
"""How often the log says at most, in seconds, that pict-rs does not ask for proxied media."""

log = logging.getLogger("pictrs_filter")


@dataclass(eq=False)
class Ticket:
    """A view that is open. `refusal` is set when a flight for its address ends in one; `called` when pict-rs asked.

    `as_picture`: whoever views shows pictures, and may be shown one in place of a refusal (pictrs/placeholder.py).
    """

    url: str
    deadline: float
    refusal: Answer | None = None
    called: bool = False
    as_picture: bool = False


@dataclass(frozen=True)
class Staged:
    """What a callback is given: the bytes that passed, their media type, and an ETag (None: ask again each time)."""

    data: bytes = field(repr=False)
    mime: str
    etag: str | None


@dataclass(frozen=True)
class Unchanged:
    """To a conditional callback: the bytes that it has passed, under today's policy. Holds for so many seconds."""

    seconds: int


Outcome = Staged | Unchanged | Answer
_Key = tuple[str, str | None]  # address, and the ETag that came with the callback


@dataclass(eq=False)
class _Flight:
    task: asyncio.Task[Outcome]
    slot: Slot
    causes: set[Ticket]  # views for which pict-rs has asked for this
    waiting: int = 0  # callbacks
    watchers: set[Ticket] = field(default_factory=set)  # views that have not asked yet for what passed
    timer: asyncio.TimerHandle | None = None


class Staging:
    """One per process, for one event loop.

    `ports` are those that may be asked; `judging` is what verdicts depend on (addons/judges.py), see `judge_anew`;
    `seconds` is the deadline for a view.
    """

    def __init__(
        self,
        seal: Seal,
        retrieval: Retrieval,
        admission: Admission,
        *,
        ports: tuple[int, ...],
        judging: str,
        seconds: float,
    ) -> None:
        self._seal = seal
        self._retrieval = retrieval
        self._admission = admission
        self._ports = ports
        self.judging = judging
        self._seconds = seconds
        self._tickets: dict[str, list[Ticket]] = {}
        self._flights: dict[tuple[str, str | None], _Flight] = {}
        self.base = ""  # how pict-rs reaches the callbacks: http://HOST:PORT
        self._complains = Seldom(COMPLAIN_SECONDS)
        self.probed = asyncio.Event()  # set when pict-rs asks for the probe
        self.doubted = asyncio.Event()  # set when pict-rs failed on a view without having asked
        self.blocked: str | None = None  # why pict-rs does not ask for staged addresses, for the operator

    # Views

    def normalise(self, url: str) -> str:
        """An address as it is asked for and remembered, from one as a client wrote it. Raises address.AddressError."""
        return address.parse(url, self._ports).url

    def open(self, url: str, deadline: float, *, as_picture: bool = False) -> Ticket:
        """Begin a view of a normalised address, to be answered by `deadline` (`time.monotonic()`). `close` it."""
        ticket = Ticket(url, deadline, as_picture=as_picture)
        self._tickets.setdefault(url, []).append(ticket)
        return ticket

    def close(self, ticket: Ticket) -> None:
        """End a view. Idempotent."""
        tickets = self._tickets.get(ticket.url, [])
        if ticket in tickets:
            tickets.remove(ticket)
        if not tickets:
            self._tickets.pop(ticket.url, None)
        for key, flight in list(self._flights.items()):
            if ticket in flight.watchers:
                flight.watchers.discard(ticket)
                self._drop_if_idle(key, flight)

    @property
    def probe(self) -> str:
        """A staged address that leads to nothing."""
        return self.staged(PROBE)

    def refusal(self, ticket: Ticket, status: int) -> Answer | None:
        """Why pict-rs answered this view with an error, as far as that lies with what it was given, or not given."""
        if ticket.called or (ticket.refusal is not None and status in FAILED):
            return ticket.refusal
        if status not in FAILED:
            return None  # a picture that pict-rs has, or looked for in vain, is its own affair
        self.doubted.set()
        if self.blocked is None:
            return None
        self._complain(self.blocked)
        return answers.NOT_STAGED

    def _complain(self, reason: str) -> None:
        """Say why in the log, but not for each view of a busy server."""
        if self._complains.now():
            log.warning("proxied media are refused: %s", reason)

    def staged(self, url: str) -> str:
        """What stands in place of a normalised address in a request for pict-rs."""
        if not self.base:
            raise RuntimeError("nothing listens for callbacks yet")
        return f"{self.base}/v/{self._seal.token(url)}"

    # Callbacks

    async def answer(self, token: str, etag: str | None) -> Outcome:
        """What pict-rs is given for a token, and an If-None-Match when it has something already."""
        url = self._seal.url(token)
        if url == PROBE:
            self.probed.set()
        if url is not None:
            self.blocked = None  # it does ask
        if url is None or url == PROBE:
            return answers.no_route(404, "nothing is staged here")
        key, cause = (url, etag), self._cause(url)
        flight = self._flights.get(key) or self._start(key, cause)
        if flight is None:
            if self._stamp(url, etag) is not None:
                return Unchanged(FAILED_SECONDS)
            self._tell(url, {cause}, answers.OVERLOADED)
            return answers.OVERLOADED
        flight.causes.add(cause)
        flight.waiting += 1
        try:
            outcome = await asyncio.shield(flight.task)
            if not isinstance(outcome, Answer):
                cause.refusal = None  # it may have heard that of another view, before its own call
            return outcome
        finally:
            flight.waiting -= 1
            flight.watchers.discard(cause)
            self._drop_if_idle(key, flight)

    def _cause(self, url: str) -> Ticket:
        """The view for which pict-rs asks: the oldest for which it has not asked yet; else one that nobody opened."""
        now = time.monotonic()
        for ticket in self._tickets.get(url, []):
            if not ticket.called and ticket.deadline > now:
                ticket.called = True
                return ticket
        return Ticket(url, now + self._seconds, called=True)

    def _start(self, key: _Key, cause: Ticket) -> _Flight | None:
        slot = self._admission.enter(FETCH_SHARE)
        if slot is None:
            return None
        flight = _Flight(asyncio.create_task(self._fly(*key, cause.deadline, slot), name="flight"), slot, {cause})
        self._flights[key] = flight
        flight.task.add_done_callback(lambda task: self._landed(key, flight, task))
        return flight

    async def _fly(self, url: str, etag: str | None, deadline: float, slot: Slot) -> Outcome:
        judging = self.judging  # that of the verdict, whatever it is when that has fallen
        stamp, known = self._stamp(url, etag), None
        if stamp is not None and (stamp.etag or stamp.last_modified):
            known = Validators(stamp.etag, stamp.last_modified)
        found = await self._retrieval.retrieve("proxy", url, deadline, slot.hold, known)
        if isinstance(found, Answer):
            return Unchanged(FAILED_SECONDS) if stamp is not None and found.status == 503 else found
        if isinstance(found, NotModified):
            return Unchanged(UNCHANGED_SECONDS)
        verdict = found.passed.verdict
        if stamp is not None and stamp.sha256 == verdict.sha256 and not verdict.unscanned:
            return Unchanged(UNCHANGED_SECONDS)
        return Staged(found.passed.data, found.passed.mime, self._etag(url, found, judging))

    def _stamp(self, url: str, etag: str | None) -> Stamp | None:
        """What pict-rs has, when that passed; under another policy it has not: it is fetched and judged anew."""
        stamp = self._seal.stamp(url, etag) if etag else None
        return stamp if stamp is not None and stamp.judging == self.judging else None

    def _etag(self, url: str, found: Retrieved, judging: str) -> str | None:
        """None for what nobody judged: pict-rs then asks for all of it again, and it may be judged that time."""
        verdict, origin = found.passed.verdict, found.validators
        if verdict.unscanned:
            return None
        return self._seal.etag(url, Stamp(judging, verdict.sha256, origin.etag, origin.last_modified))

    def _landed(self, key: _Key, flight: _Flight, task: asyncio.Task[Outcome]) -> None:
        if not task.cancelled() and task.exception() is None:
            outcome = task.result()
            if isinstance(outcome, Answer):
                self._tell(key[0], flight.causes, outcome)
            else:
                self._keep(key, flight)
        self._drop_if_idle(key, flight)

    def _keep(self, key: _Key, flight: _Flight) -> None:
        """Keep what passed for the views that are still about to ask, and no longer than these can use it."""
        waiting = [ticket for ticket in self._tickets.get(key[0], []) if not ticket.called]
        if waiting:
            flight.watchers.update(waiting)
            seconds = max(ticket.deadline for ticket in waiting) - time.monotonic()
            flight.timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._forget, key, flight)

    def judge_anew(self, judging: str) -> None:
        """From now on verdicts depend on this: what passed before and is kept, or is on its way, is for nobody new."""
        self.judging = judging
        for key, flight in list(self._flights.items()):
            del self._flights[key]
            self._forget(key, flight)

    def forget(self, url: str) -> None:
        """Forget what passed and is kept for a normalised address: it is about to be purged."""
        for key, flight in list(self._flights.items()):
            if key[0] == url and flight.task.done():
                self._forget(key, flight)

    def _forget(self, key: _Key, flight: _Flight) -> None:
        flight.watchers.clear()
        self._drop_if_idle(key, flight)

    def _tell(self, url: str, causes: set[Ticket], refusal: Answer) -> None:
        """Views that got this refusal, and those that may be answered with it, for pict-rs asks once for several.

        Not one whose own call has come to something else.
        """
        for ticket in self._tickets.get(url, []):
            if ticket in causes or not ticket.called:
                ticket.refusal = refusal

    def _drop_if_idle(self, key: _Key, flight: _Flight) -> None:
        if flight.waiting or flight.watchers:
            return
        if self._flights.get(key) is flight:
            del self._flights[key]
        if flight.timer is not None:
            flight.timer.cancel()
        flight.task.cancel()
        flight.slot.leave()
