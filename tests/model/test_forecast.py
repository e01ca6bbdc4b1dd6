"""Who is refused because he would be late, with decoders and models that say what they are told to."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from model.errors import DeadlineExceeded, Overloaded
from model.forecast import SHARE, Forecast
from model.line import FAIR_VIEWS


@dataclass
class Slow:
    """Takes so long for another file, and for each view."""

    file: float = 0.0
    view: float = 0.0
    asked: list[int] = field(default_factory=list)


class Decoder(Slow):
    def expects(self) -> float:
        return self.file


class Models(Slow):
    def expects(self, views: int) -> float:
        self.asked.append(views)
        return self.view * views


def forecast(decoder: float = 0.0, view: float = 0.0) -> tuple[Forecast, Models]:
    models = Models(view=view)
    return Forecast(Decoder(file=decoder), models, clock=lambda: 100.0), models


def test_who_comes_alone_is_never_refused() -> None:
    slow, _ = forecast(decoder=1000)
    for _ in range(3):
        with slow.file(101):
            pass


@pytest.mark.parametrize(("late", "refused"), [(-0.01, False), (0.01, True)])
def test_who_would_be_late_behind_another_is_refused(late: float, refused: bool) -> None:
    made, _ = forecast(decoder=SHARE * 8 + late)
    with made.file(108), ExitStack() as second:
        if refused:
            with pytest.raises(Overloaded):
                second.enter_context(made.file(108))
        else:
            second.enter_context(made.file(108))


def test_one_that_has_left_or_failed_is_not_in_hand() -> None:
    made, _ = forecast(decoder=1000)
    with pytest.raises(KeyError), made.file(101):
        raise KeyError
    with made.file(101):
        pass


def test_views_are_expected_of_those_that_are_still_decoded() -> None:
    made, models = forecast(view=0.5)
    made.learn(10)
    assert made.seconds() == 5
    with made.decoding(), made.decoding():
        assert made.seconds() == 15
    assert made.seconds() == 5
    assert models.asked == [10, 30, 10]


def test_it_learns_slowly_what_files_are_like() -> None:
    made, models = forecast()
    made.seconds()
    made.learn(10)
    made.learn(110)
    made.seconds()
    assert models.asked == [0, 20]


def test_nobody_is_charged_for_the_many_views_of_others() -> None:
    made, models = forecast()
    for _ in range(100):
        made.learn(100)
    with made.decoding():
        made.seconds()
    assert models.asked == [2 * FAIR_VIEWS]


@pytest.mark.parametrize(("views", "refused"), [(9, False), (11, True)])
def test_once_decoded_a_file_is_charged_for_its_own(views: int, refused: bool) -> None:
    made, _ = forecast(view=SHARE * 8 / 10)
    with made.file(108), made.file(10_000):
        if refused:
            with pytest.raises(Overloaded):
                made.check(views, 108)
        else:
            made.check(views, 108)
    with made.file(108):
        made.check(1000, 108)  # alone


def test_the_operator_sees_it_as_a_deadline() -> None:
    assert (Overloaded.cause, issubclass(Overloaded, DeadlineExceeded)) == ("deadline", True)
