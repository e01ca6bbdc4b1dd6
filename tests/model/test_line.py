"""Who rides in which batch, without threads and without a clock that moves by itself."""

from __future__ import annotations

import pytest

from model.line import FAIR_VIEWS, Ask, Line, Slice
from tests.fakemodels import views


def ask(count: int, model: str = "m", *, deadline: float = 100.0, arrived: float = 0.0) -> Ask:
    return Ask(model, views(*[1] * count), deadline, arrived)


def line(*asks: Ask) -> Line[Ask]:
    made: Line[Ask] = Line()
    for one in asks:
        made.add(one)
    return made


def taken(made: Line[Ask], most: int, now: float = 0.0) -> list[tuple[Ask, int, int]]:
    return [(part.ask, part.start, part.stop) for part in made.take(now, lambda _: most)]


def test_the_views_of_one_file_ride_together_and_the_next_one_fills_up() -> None:
    first, second, third = ask(3), ask(3), ask(3)
    made = line(first, second, third)
    assert taken(made, 8) == [(first, 0, 3), (second, 0, 3), (third, 0, 2)]
    assert taken(made, 8) == [(third, 2, 3)]
    assert taken(made, 8) == []


def test_a_batch_has_one_model_and_the_others_keep_their_place() -> None:
    one, other, again = ask(1, "a"), ask(2, "b"), ask(3, "a")
    made = line(one, other, again)
    assert taken(made, 3) == [(one, 0, 1), (again, 0, 2)]
    assert taken(made, 3) == [(other, 0, 2)], "it came before the rest"
    assert taken(made, 3) == [(again, 2, 3)]


def test_a_file_is_finished_before_the_next_one_is_begun() -> None:
    first, second = ask(10), ask(10)
    made = line(first, second)
    assert [taken(made, 4) for _ in range(5)] == [
        [(first, 0, 4)],
        [(first, 4, 8)],
        [(first, 8, 10), (second, 0, 2)],
        [(second, 2, 6)],
        [(second, 6, 10)],
    ]


def test_nobody_waits_for_all_of_a_file_of_many_views() -> None:
    many, small = ask(3 * FAIR_VIEWS), ask(1)
    made = line(many, small)
    order = [part[0] for _ in range(FAIR_VIEWS) for part in taken(made, 4)]
    assert order.index(small) == FAIR_VIEWS // 4, "after its fair share and no later"


def test_of_many_large_ones_each_has_its_turn() -> None:
    large = [ask(4 * FAIR_VIEWS) for _ in range(5)]
    made = line(*large)
    order = [taken(made, FAIR_VIEWS)[0][0] for _ in range(20)]
    assert order == large * 4


def test_a_newcomer_does_not_overtake_one_that_stepped_back() -> None:
    many = ask(2 * FAIR_VIEWS)
    made = line(many)
    taken(made, FAIR_VIEWS)
    made.add(ask(FAIR_VIEWS))
    assert taken(made, FAIR_VIEWS) == [(many, FAIR_VIEWS, 2 * FAIR_VIEWS)]


@pytest.mark.parametrize("why", ["gone", "late"])
def test_what_nobody_waits_for_is_left_out(why: str) -> None:
    first, second = ask(5, deadline=10 if why == "late" else 100), ask(1)
    made = line(first, second)
    first.gone = why == "gone"
    now = 10.0
    assert made.views(now) == {"m": 1}
    assert made.first(now) is second
    assert taken(made, 8, now) == [(second, 0, 1)]


def test_until_its_deadline_it_waits() -> None:
    late = ask(5, deadline=10)
    assert taken(line(late), 8, 9.99) == [(late, 0, 5)]


def test_views_that_are_in_a_batch_wait_no_more() -> None:
    made = line(ask(5), ask(2, "other"))
    made.take(0, lambda _: 3)
    assert made.views(0) == {"m": 2, "other": 2}


@pytest.mark.parametrize(
    ("newcomer", "ahead"), [(1, FAIR_VIEWS + 5), (FAIR_VIEWS, FAIR_VIEWS + 5), (FAIR_VIEWS + 1, 2 * FAIR_VIEWS + 5)]
)
def test_of_those_ahead_of_a_newcomer_only_as_many_turns_count_as_he_has(newcomer: int, ahead: int) -> None:
    made = line(ask(100), ask(5))
    assert made.ahead(0, newcomer)["m"] == ahead


def test_the_size_of_a_batch_is_its_models() -> None:
    made = line(ask(9, "a"), ask(9, "b"))
    sizes = {"a": 2, "b": 5}
    assert [sum(map(len, made.take(0, sizes.__getitem__))) for _ in range(3)] == [2, 2, 2]
    made = line(ask(9, "b"), ask(9, "a"))
    assert sum(map(len, made.take(0, sizes.__getitem__))) == 5


def test_a_slice_has_its_own_views() -> None:
    one = Ask("m", views(1, 2, 3, 4), 100, 0)
    part = Slice(one, 1, 3)
    assert (part.views[:, 0, 0, 0].tolist(), len(part)) == ([2, 3], 2)


def test_everybody_is_sent_away() -> None:
    asks = [ask(1), ask(2, "b")]
    made = line(*asks)
    assert made.clear() == asks
    assert (made.clear(), made.first(0)) == ([], None)
