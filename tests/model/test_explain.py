"""Trees of yes and no: which view they tell of, and what they say where nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from config.policy import Action, Origin, PolicySpec
from model.condition import Question
from model.examiner import Seen
from model.explain import Node, Reason, reasons
from model.policy import Rules


def policy(*rules: dict[str, Any]) -> PolicySpec:
    return PolicySpec.model_validate(
        {
            "models": {"net": {"timm": "open-nsfw"}},
            "signals": {"nsfw": {"model": "net", "label": "nsfw"}},
            "lists": {"shared": {"file": "/shared.txt"}},
            "rules": [
                *rules,
                {"name": "rest", "when": {"any": [{"list": "shared"}, high(1.0)]}, "action": "log"},
            ],
        }
    )


def high(at_least: float) -> dict[str, Any]:
    return {"signal": "nsfw", "at_least": at_least}


def explained(
    of: PolicySpec, *scores: float | None, parts: int = 0, origin: Origin | None = None, found: Any = None
) -> list[Reason]:
    views = [{} if score is None else {"nsfw": score} for score in scores]
    return list(reasons(of, Rules(of, origin, found), Seen(views, parts, None)))


def test_the_view_that_decides_or_comes_nearest() -> None:
    of = policy({"name": "one", "when": high(0.8), "action": "reject"})
    assert explained(of, 0.1, 0.9, 0.95)[0] == Reason(
        "one", Action.REJECT, False, True, 1, False, Node("nsfw 0.900 is at least 0.8", True)
    )
    assert explained(of, 0.1, 0.4, 0.2)[0].tree == Node("nsfw 0.400 is not at least 0.8", False)
    nearest = explained(of, 0.1, 0.3, 0.9, parts=1)[0]
    assert (nearest.view, nearest.in_part) == (2, True)
    assert nearest.tree == Node("nsfw 0.900 in a part of it, where it takes at least 0.975", False)


@pytest.mark.parametrize(
    ("bounds", "scores", "view"),
    [
        ({"at_most": 0.2}, (0.9, 0.3, 0.5), 1),
        ({"below": 1}, (1.0, 1.0), 0),
        ({"above": 0}, (0.0, 0.0), 0),
        ({"above": 0.5}, (0.5, 0.6), 1),
        ({"at_least": 0.4, "below": 0.5}, (0.1, 0.3, 0.9), 1),  # three quarters of the way, and a fifth
        ({"at_least": 0.4, "below": 0.5}, (0.1, 0.2, 0.6), 2),  # half, and four fifths
    ],
)
def test_nearness_to_other_bounds(bounds: dict[str, float], scores: tuple[float, ...], view: int) -> None:
    of = policy({"name": "one", "when": {"signal": "nsfw", **bounds}, "action": "reject"})
    assert explained(of, *scores)[0].view == view


def test_all_that_is_in_it() -> None:
    of = policy(
        {"name": "named", "when": high(0.8)},
        {
            "name": "both",
            "when": {
                "all": [
                    {"rule": "named"},
                    {"none": [{"list": "shared"}, high(0.95)]},
                    {"at_least_n": 1, "of": [high(0.1)]},
                ]
            },
            "action": "reject",
            "shadow": True,
        },
    )
    named, both, _ = explained(of, 0.9, found={Question("shared", None, every=True): "sha256: my own"})
    assert (named.action, named.counts) == (None, False)
    assert (both.shadow, both.counts, both.view) == (True, True, 0)
    assert both.tree == Node(
        "all of",
        False,
        (
            Node("rule named", True, (Node("nsfw 0.900 is at least 0.8", True),)),
            Node(
                "none of",
                False,
                (
                    Node("on the list shared (sha256: my own)", True),
                    Node("nsfw 0.900 is not at least 0.95", False),
                ),
            ),
            Node("at least 1 of", True, (Node("nsfw 0.900 is at least 0.1", True),)),
        ),
    )


def test_what_was_not_scored_is_not_known() -> None:
    of = policy({"name": "one", "when": high(0.8), "action": "reject"})
    assert explained(of, None)[0].tree == Node("nsfw was not scored", None)


def test_a_rule_of_two_bounds_holds_for_no_part() -> None:
    of = policy({"name": "one", "when": high(0.4) | {"below": 0.6}, "action": "reject"})
    assert explained(of, 0.0, 0.5, parts=1)[0].tree.text == "nsfw 0.000 is not at least 0.4 and below 0.6"


def test_which_rules_count() -> None:
    trusted = {"name": "trusted", "when": {"list": "shared"}, "action": "allow"}
    proxied = {"name": "proxied", "when": high(0.5), "action": "reject", "sources": ["proxy"]}
    of = policy(proxied, trusted, {"name": "one", "when": high(0.8), "action": "reject"})
    allowed = {Question("shared", None, every=True): "sha256"}

    def counting(origin: Origin | None, found: Any) -> list[str]:
        return [one.rule for one in explained(of, 0.1, origin=origin, found=found) if one.counts]

    assert counting(None, None) == ["proxied", "trusted", "one", "rest"]
    assert counting("upload", None) == ["trusted", "one", "rest"]
    assert counting("proxy", allowed) == ["proxied", "trusted"]
    found = explained(of, 0.1, found=allowed)[1]
    assert (found.view, found.tree) == (None, Node("on the list shared (sha256)", True))
