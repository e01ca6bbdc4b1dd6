"""Label values: known ones, and one for all others."""

from __future__ import annotations

from types import SimpleNamespace

from addons.callback import Errand
from addons.metrics import names
from addons.pictrs import routes
from config.load import load


def test_routes_are_those_of_the_table() -> None:
    assert names.route(routes.match(b"GET", b"/image/original/a.png")) == "/image/original/{name}"
    assert names.route(None) == "other"
    assert names.route(SimpleNamespace(route=SimpleNamespace(path="/chosen/by/a/stranger"))) == "other"
    assert {names.route(SimpleNamespace(errand=errand)) for errand in Errand} == {"callback", "validate"}


def test_rules_are_those_of_the_policy_and_our_own() -> None:
    known = names.rules(load(None, {}).policy, ["friends"])
    assert {"explicit", "borderline", "self-test-card", "deadline", "friends", "allow", "deny", "none"} <= known
    assert names.one_of("explicit", known) == "explicit"
    assert names.one_of("another", known) == "other"
