"""A storm over a filter that is broken on purpose is noticed: what the tests of chaos assert on can fail."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import pytest

from addons import inspection
from addons.admission import Slot
from addons.cases import Cases
from addons.fetch.staging import Staging, Ticket
from model.sandbox import DecoderPool
from tests.chaos.pictures import Gallery
from tests.chaos.scene import Scene, callback_address
from tests.chaos.standin import StandIn
from tests.chaos.storm import DEADLINE_SECONDS, OF_ASYNCIO, SHORT_MEMORY, storm

Break = Callable[[pytest.MonkeyPatch], None]
KILLS = {"decoder": 4, "classifier": 20, "client": 10}


def leave_no_slot(patch: pytest.MonkeyPatch) -> None:
    """Every tenth slot stays taken."""
    real, count = Slot.leave, iter(range(1, 1 << 30))
    patch.setattr(Slot, "leave", lambda self: None if next(count) % 10 == 0 else real(self))


def skip_the_end(patch: pytest.MonkeyPatch) -> None:
    """A request ends without letting go of what it holds."""
    real = Cases.end

    def end(self: Cases, flow_id: str) -> None:
        case = self.get(flow_id)
        if case is not None:
            case.ends = contextlib.ExitStack()
        real(self, flow_id)

    patch.setattr(Cases, "end", end)


def keep_tickets(patch: pytest.MonkeyPatch) -> None:
    def close(_self: Staging, _ticket: Ticket) -> None:
        """Nothing."""

    patch.setattr(Staging, "close", close)


def open_on_failure(patch: pytest.MonkeyPatch) -> None:
    """What could not be judged passes."""
    real = inspection._refusal
    patch.setattr(inspection, "_refusal", lambda verdict, ref: None if verdict.cause else real(verdict, ref))


def keep_files_open(patch: pytest.MonkeyPatch) -> None:
    real = DecoderPool.decode

    async def decode(self: DecoderPool, *args: object) -> object:
        opened.append(os.open("/dev/zero", os.O_RDONLY))
        return await real(self, *args)  # type: ignore[arg-type]

    patch.setattr(DecoderPool, "decode", decode)


opened: list[int] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while opened:
        os.close(opened.pop())


@pytest.mark.filterwarnings(*OF_ASYNCIO)
@pytest.mark.parametrize(
    ("broken", "noticed"),
    [
        (leave_no_slot, "'places': [1-9]"),
        (skip_the_end, "'places': [1-9]"),
        (keep_tickets, "'tickets': [1-9]"),
        (keep_files_open, "/dev/zero"),
        (open_on_failure, "of a forbidden picture"),
    ],
)
def test_what_is_broken_is_noticed(
    pictures: Gallery, monkeypatch: pytest.MonkeyPatch, broken: Break, noticed: str
) -> None:
    settings = {"deadline_seconds": DEADLINE_SECONDS, "cache": SHORT_MEMORY, "overload": {"media_requests": 512}}
    with StandIn() as upstream, Scene(upstream, pictures, callback_address(), **settings) as scene:
        broken(monkeypatch)
        with pytest.raises(AssertionError, match=noticed):
            storm(scene, pictures, KILLS, settle=1.0)
        monkeypatch.undo()
