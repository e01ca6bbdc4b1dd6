"""How much of a file is looked at before it is decided, with models that give the scores they are told to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from config.policy import PolicySpec
from model.classifier import Enough
from model.errors import ClassifierFailed, DecoderFailed
from model.examiner import Examiner
from model.policy import Rules
from model.preprocess import Views
from tests.fakemodels import Scores

LABELS = {"one": ("no", "yes"), "two": ("fine", "bad")}
RULES = [
    {"name": "noted", "when": {"signal": "yes", "at_least": 0.3, "below": 0.8}, "action": "log"},
    {"name": "no-yes", "when": {"signal": "yes", "at_least": 0.8}, "action": "reject"},
    {"name": "no-bad", "when": {"signal": "bad", "at_least": 0.8}, "action": "reject"},
]
POLICY = PolicySpec.model_validate(
    {
        "models": {"one": {"timm": "local-dir:/one"}, "two": {"timm": "local-dir:/two"}},
        "signals": {"yes": {"model": "one", "label": "yes"}, "bad": {"model": "two", "label": "bad"}},
        "rules": RULES,
    }
)


RULES_OF = Rules(POLICY)


class Told:
    """A backend that scores view n with the n-th number, `at_a_time` of them before it asks whether that is enough."""

    device = "told"

    def __init__(self, scores: dict[str, list[float]], at_a_time: int = 2, rows: int | None = None) -> None:
        self.scores, self.at_a_time, self.rows = scores, at_a_time, rows
        self.asked: list[str] = []
        self.scored = 0

    async def classify(
        self, model: str, views: NDArray[np.uint8], deadline: float, enough: Enough | None = None
    ) -> Scores:
        self.asked.append(model)
        yes = np.array(self.scores[model], np.float32)
        rows: Scores = np.stack([1 - yes, yes], axis=1)
        if self.rows is not None:
            return rows[: self.rows]
        for count in range(self.at_a_time, len(rows), self.at_a_time):
            self.scored += self.at_a_time
            if enough is not None and enough(rows[:count]):
                return rows[:count]
        return rows

    def expects(self, views: int) -> float:
        return 0

    def close(self) -> None:
        pass


def views(count: int, parts: int = 0) -> Views:
    array = np.zeros((count, 4, 4, 3), np.uint8)
    return Views(width=4, height=4, frames=1, arrays=(array, array), parts=parts)


def examiner(backend: Told, *, hasty: bool = True) -> Examiner:
    return Examiner(POLICY, backend, LABELS, budget=100, hasty=hasty)


async def test_a_pass_has_seen_every_view_of_every_model() -> None:
    backend = Told({"one": [0.1] * 5, "two": [0.2] * 5})
    seen = await examiner(backend).examine(views(5), RULES_OF, 0)
    assert (len(seen.by_view), seen.fired, seen.decided, backend.asked) == (5, None, False, ["one", "two"])
    assert seen.by_view[0] == pytest.approx({"yes": 0.1, "bad": 0.2})


async def test_a_view_that_decides_ends_it() -> None:
    backend = Told({"one": [0.1, 0.2, 0.1, 0.9, 0.1, 0.1], "two": [0.9] * 6})
    seen = await examiner(backend).examine(views(6, parts=1), RULES_OF, 0)
    assert seen.fired is not None
    assert (seen.fired.rule, seen.fired.view, len(seen.by_view), seen.parts) == ("no-yes", 3, 4, 0)
    assert (backend.asked, backend.scored) == (["one"], 4), "the second model was not needed"


async def test_a_rule_that_only_logs_decides_nothing() -> None:
    backend = Told({"one": [0.5] * 6, "two": [0.9] * 6})
    seen = await examiner(backend).examine(views(6), RULES_OF, 0)
    assert seen.fired is not None
    assert (seen.fired.rule, backend.asked, len(seen.by_view)) == ("no-bad", ["one", "two"], 6)


async def test_parts_have_their_own_bounds_when_it_ends_early_too() -> None:
    """0.85 decides of a whole; of a part, as far as one can tell, it does not."""
    backend = Told({"one": [0.1, 0.1, 0.85, 0.85, 0.99, 0.1], "two": [0.0] * 6})
    seen = await examiner(backend, hasty=True).examine(views(6, parts=4), RULES_OF, 0)
    assert seen.fired is not None
    assert (seen.fired.view, len(seen.by_view), seen.parts) == (4, 6, 4)


async def test_who_wants_to_see_all_sees_all() -> None:
    backend = Told({"one": [0.9] * 6, "two": [0.9] * 6})
    seen = await examiner(backend, hasty=False).examine(views(6), RULES_OF, 0)
    assert (len(seen.by_view), backend.asked, seen.decided) == (6, ["one", "two"], True)


@pytest.mark.parametrize(("score", "rows"), [(0.1, 5), (0.1, 0), (0.9, 0)])
async def test_rows_that_are_missing_without_need_are_a_failure(score: float, rows: int) -> None:
    backend = Told({"one": [score] * 6, "two": [0.0] * 6}, rows=rows)
    with pytest.raises(ClassifierFailed, match=rf"6 views went in, {rows} scores came out"):
        await examiner(backend).examine(views(6), RULES_OF, 0)


async def test_nothing_is_missing_for_one_who_wants_to_see_all() -> None:
    backend = Told({"one": [0.9] * 6, "two": [0.0] * 6}, rows=3)
    with pytest.raises(ClassifierFailed, match="6 views went in, 3 scores came out"):
        await examiner(backend, hasty=False).examine(views(6), RULES_OF, 0)


async def test_a_row_too_many_is_a_failure() -> None:
    backend = Told({"one": [0.1] * 7, "two": [0.1] * 6})
    with pytest.raises(ClassifierFailed, match="6 views went in, 7 scores came out"):
        await examiner(backend).examine(views(6), RULES_OF, 0)


async def test_no_number_is_a_failure_also_on_the_way() -> None:
    backend = Told({"one": [np.nan] * 6, "two": [0.1] * 6})
    with pytest.raises(ClassifierFailed):
        await examiner(backend).examine(views(6), RULES_OF, 0)


@pytest.mark.parametrize("parts", [-1, 6, 7])
async def test_impossible_parts_are_the_decoders_failure(parts: int) -> None:
    with pytest.raises(DecoderFailed, match=f"{parts} parts in 6 views"):
        await examiner(Told({"one": [0.1] * 6, "two": [0.1] * 6})).examine(views(6, parts), RULES_OF, 0)


def closer(scores: list[float]) -> tuple[Told, Views]:
    """A whole, two parts that come near a rule, and crops of them, of which `scores` are those of the first part."""

    class Crops(Told):
        async def classify(self, model: str, views: NDArray[np.uint8], deadline: float, enough: Any = None) -> Scores:
            self.scores = {"one": [0.0, 0.5, 0.4] if self.scored == 0 else scores, "two": [0.0] * len(views)}
            self.scored += model == "one"
            return await super().classify(model, views, deadline, enough)

    array, larger = np.zeros((3, 4, 4, 3), np.uint8), np.zeros((2, 8, 8, 3), np.uint8)
    return Crops({}, at_a_time=100), Views(4, 4, 1, (array, array), parts=2, magnified=(larger, larger))


async def test_a_crop_that_decides_ends_the_closer_look() -> None:
    backend, given = closer([0.0, 0.0, 1.0, 0.0, 0.0])
    seen = await examiner(backend).examine(given, RULES_OF, 0)
    assert seen.fired is not None
    assert (seen.fired.view, len(seen.by_view), seen.parts, backend.scored) == (5, 8, 7, 2)


async def test_without_one_every_suspect_is_looked_at() -> None:
    backend, given = closer([0.0] * 5)
    seen = await examiner(backend).examine(given, RULES_OF, 0)
    assert (seen.decided, len(seen.by_view), seen.parts, backend.scored) == (False, 13, 12, 3)


def lazy(*rules: dict[str, Any], origin: Any = None) -> Rules:
    """Rules over the two models above."""
    return Rules(PolicySpec.model_validate(POLICY.model_dump(exclude_none=True) | {"rules": list(rules)}), origin)


BOTH = {
    "name": "both",
    "when": {"all": [{"signal": "yes", "at_least": 0.5}, {"signal": "bad", "at_least": 0.8}]},
    "action": "reject",
}


async def test_the_second_model_sees_only_the_views_that_the_first_left_open() -> None:
    shown: list[tuple[str, int]] = []

    class Watched(Told):
        async def classify(self, model: str, views: NDArray[np.uint8], deadline: float, enough: Any = None) -> Scores:
            shown.append((model, len(views)))
            return await super().classify(model, views, deadline, enough)

    backend = Watched({"one": [0.1, 0.6, 0.1, 0.7], "two": [0.1, 0.9]})
    seen = await examiner(backend).examine(views(4), lazy(BOTH), 0)
    assert shown == [("one", 4), ("two", 2)]
    assert seen.fired is not None
    assert (seen.fired.rule, seen.fired.view) == ("both", 3)
    assert [set(view) for view in seen.by_view] == [{"yes"}, {"yes", "bad"}, {"yes"}, {"yes", "bad"}]


async def test_a_model_that_can_change_nothing_is_not_run() -> None:
    backend = Told({"one": [0.1] * 4, "two": [0.9] * 4})
    seen = await examiner(backend).examine(views(4), lazy(BOTH), 0)
    assert (backend.asked, seen.fired) == (["one"], None)


async def test_who_wants_to_see_all_runs_every_model_on_every_view() -> None:
    backend = Told({"one": [0.1] * 4, "two": [0.9] * 4})
    seen = await examiner(backend, hasty=False).examine(views(4), lazy(BOTH), 0)
    assert (backend.asked, [set(view) for view in seen.by_view]) == (["one", "two"], [{"yes", "bad"}] * 4)


async def test_where_no_rule_is_for_such_files_no_model_is_run() -> None:
    backend = Told({"one": [0.9] * 4, "two": [0.9] * 4})
    seen = await examiner(backend).examine(views(4, parts=2), lazy(BOTH | {"sources": ["proxy"]}, origin="upload"), 0)
    assert (backend.asked, seen.fired, seen.decided, seen.by_view, seen.parts) == ([], None, False, [{}], 0)


@pytest.mark.parametrize("rows", [0, 1, 3])
async def test_rows_for_the_views_that_were_left_open_must_be_whole(rows: int) -> None:
    class Short(Told):
        async def classify(self, model: str, views: NDArray[np.uint8], deadline: float, enough: Any = None) -> Scores:
            self.rows = rows if model == "two" else None
            return await super().classify(model, views, deadline, enough)

    backend = Short({"one": [0.6, 0.6, 0.1], "two": [0.1] * 3})
    with pytest.raises(ClassifierFailed, match=f"2 views went in, {rows} scores came out"):
        await examiner(backend).examine(views(3), lazy(BOTH), 0)


async def test_a_rule_in_shadow_mode_ends_nothing() -> None:
    backend = Told({"one": [0.9] * 6, "two": [0.1] * 6})
    shadow = {"name": "dry", "when": {"signal": "yes", "at_least": 0.8}, "action": "reject", "shadow": True}
    real = {"name": "no-bad", "when": {"signal": "bad", "at_least": 0.8}, "action": "reject"}
    seen = await examiner(backend).examine(views(6), lazy(shadow, real), 0)
    assert seen.fired is not None
    assert (seen.fired.rule, seen.decided, backend.asked) == ("dry", False, ["one", "two"])
    assert all(len(view) == 2 for view in seen.by_view)
