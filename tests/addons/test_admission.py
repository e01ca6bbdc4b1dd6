"""The bounds at the door: at the limit, one beyond, and through any sequence of comings, growings and goings."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from addons.admission import Admission, Slot

MAX_REQUESTS, MAX_BYTES = 3, 10


def entered(admission: Admission) -> Slot:
    slot = admission.enter()
    assert slot is not None
    return slot


def in_hand(admission: Admission) -> tuple[int, int, int]:
    return admission.requests, admission.bytes, admission.refused


def test_as_many_come_in_as_there_are_places_and_the_next_when_one_has_left() -> None:
    admission = Admission(2, MAX_BYTES)
    first, _second = entered(admission), entered(admission)
    assert admission.enter() is None
    assert admission.enter() is None
    assert in_hand(admission) == (2, 0, 2)
    first.leave()
    assert isinstance(admission.enter(), Slot)
    assert admission.enter() is None
    assert in_hand(admission) == (2, 0, 3)


def test_one_alone_may_hold_all_the_bytes_and_not_one_more() -> None:
    admission = Admission(2, MAX_BYTES)
    slot = entered(admission)
    assert not slot.hold(MAX_BYTES + 1)
    assert in_hand(admission) == (1, 0, 1)
    assert slot.hold(MAX_BYTES)
    assert not slot.hold(MAX_BYTES + 1)
    assert in_hand(admission) == (1, MAX_BYTES, 2)


def test_hold_says_how_much_in_all_up_and_down() -> None:
    admission = Admission(2, MAX_BYTES)
    slot, other = entered(admission), entered(admission)
    for total in (4, 7, 7, 2, 0, 5):
        assert slot.hold(total)
        assert admission.bytes == total
    assert other.hold(MAX_BYTES - 5)
    assert not other.hold(MAX_BYTES - 4)
    assert slot.hold(4)
    assert other.hold(MAX_BYTES - 4)
    assert in_hand(admission) == (2, MAX_BYTES, 1)


def test_of_two_half_read_bodies_one_is_refused_and_makes_room_for_the_other() -> None:
    admission = Admission(2, MAX_BYTES)
    first, second = entered(admission), entered(admission)
    assert first.hold(5)
    assert second.hold(5)
    assert not first.hold(6)
    first.leave()
    assert second.hold(MAX_BYTES)


def test_leaving_twice_frees_once() -> None:
    admission = Admission(2, MAX_BYTES)
    slot, other = entered(admission), entered(admission)
    assert slot.hold(3)
    assert other.hold(4)
    slot.leave()
    slot.leave()
    assert in_hand(admission) == (1, 4, 0)


def test_who_has_left_holds_nothing_any_more() -> None:
    admission = Admission(2, MAX_BYTES)
    slot = entered(admission)
    slot.leave()
    assert not slot.hold(1)
    assert not slot.hold(0)
    assert in_hand(admission) == (0, 0, 0)


def test_with_leaves_at_the_end_and_after_an_error() -> None:
    admission = Admission(1, MAX_BYTES)
    with entered(admission) as slot:
        assert slot.hold(2)
        assert in_hand(admission) == (1, 2, 0)
    assert in_hand(admission) == (0, 0, 0)
    slot = entered(admission)
    assert slot.hold(2)
    with pytest.raises(KeyError), slot:
        raise KeyError
    assert in_hand(admission) == (0, 0, 0)


@pytest.mark.parametrize("bounds", [(0, 1), (1, 0), (-1, 1), (1, -1)])
def test_bounds_that_let_nobody_in_are_a_mistake(bounds: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="nobody comes in"):
        Admission(*bounds)


def test_fewer_than_no_bytes_are_a_mistake_and_change_nothing() -> None:
    admission = Admission(1, MAX_BYTES)
    slot = entered(admission)
    assert slot.hold(2)
    with pytest.raises(ValueError, match="cannot hold -1"):
        slot.hold(-1)
    assert in_hand(admission) == (1, 2, 0)


class AnySequence(RuleBasedStateMachine):
    """Against a model: a dictionary of who is in, and what each holds."""

    slots = Bundle("slots")

    def __init__(self) -> None:
        super().__init__()
        self.admission = Admission(MAX_REQUESTS, MAX_BYTES)
        self.held: dict[Slot, int] = {}
        self.refused = 0

    @rule(target=slots)
    def enter(self) -> object:
        slot = self.admission.enter()
        assert (slot is None) == (len(self.held) == MAX_REQUESTS)
        if slot is None:
            self.refused += 1
            return multiple()
        self.held[slot] = 0
        return slot

    @rule(slot=slots, total=st.integers(0, MAX_BYTES + 2))
    def hold(self, slot: Slot, total: int) -> None:
        fits = slot in self.held and sum(self.held.values()) - self.held[slot] + total <= MAX_BYTES
        assert slot.hold(total) == fits
        if fits:
            self.held[slot] = total
        elif slot in self.held:
            self.refused += 1

    @rule(slot=slots)
    def leave(self, slot: Slot) -> None:
        slot.leave()
        self.held.pop(slot, None)

    @rule(slot=consumes(slots))
    def end_of_with(self, slot: Slot) -> None:
        with slot:
            pass
        self.held.pop(slot, None)

    @invariant()
    def counts_what_is_there(self) -> None:
        assert in_hand(self.admission) == (len(self.held), sum(self.held.values()), self.refused)
        assert self.admission.requests <= MAX_REQUESTS
        assert self.admission.bytes <= MAX_BYTES

    def teardown(self) -> None:
        for slot in list(self.held):
            slot.leave()
        assert in_hand(self.admission) == (0, 0, self.refused)


TestAnySequence = AnySequence.TestCase
TestAnySequence.settings = settings(deadline=None, max_examples=100, stateful_step_count=40)


def test_the_log_tells_that_it_is_full_and_not_each_time(caplog: pytest.LogCaptureFixture) -> None:
    admission = Admission(1, 10)
    assert (slot := admission.enter()) is not None
    assert admission.enter() is admission.approach() is None
    assert not slot.hold(11)
    assert caplog.messages == [
        "too much in hand: 1 requests with 0 MiB, 1 refused so far (see `overload` in the settings)"
    ]
    assert admission.refused == 3


def test_a_share_of_bytes_has_room_for_one_file() -> None:
    admission = Admission(4, 100, least=80)
    assert [admission.byte_share(share) for share in (1.0, 0.9, 0.75, 0.1)] == [100, 90, 80, 80]
    slot = admission.enter(0.1)
    assert slot is not None
    with slot:
        assert slot.hold(80)
        assert not slot.hold(81)
    assert Admission(4, 50, least=80).byte_share(0.1) == 50
