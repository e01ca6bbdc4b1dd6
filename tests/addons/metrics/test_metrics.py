"""What is counted, as Prometheus reads it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from addons.inspection import Decision
from addons.metrics.metrics import Metrics
from addons.pictrs import routes
from config.load import load
from config.policy import PolicySpec
from model.verdict import Outcome, Verdict

POLICY = load(None, {}).policy
PASS, REJECT, UNAVAILABLE = Outcome.PASS, Outcome.REJECT, Outcome.UNAVAILABLE


def decision(outcome: Outcome = PASS, source: Any = "upload", **fields: Any) -> Decision:
    given: dict[str, Any] = {"scores": {"nsfw": 0.3}, "views": 12, "stage_ms": {"decode": 200.0}, "strict": outcome}
    verdict = replace(Verdict(outcome, outcome, None, None, "ab" * 32, 10), **given | fields)
    return Decision("ref", source, verdict, ms=500.0)


def samples(metrics: Metrics) -> dict[str, float]:
    """`name{label=value,...}` without the prefix -> value; times of creation left out."""
    found = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            name = sample.name.removeprefix("pictrs_filter_")
            assert name != sample.name
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            if not name.endswith("_created"):
                found[f"{name}{{{labels}}}" if labels else name] = sample.value
    return found


def test_judged_file() -> None:
    metrics = Metrics(POLICY)
    metrics.note(decision(REJECT, rule="explicit", scores={"nsfw": 0.86}, in_part={"nsfw": 0.99}))
    found = samples(metrics)
    assert found["scans_total{rule=explicit,source=upload,verdict=reject}"] == 1
    assert found["request_seconds_sum{source=upload}"] == 0.5
    assert found["stage_seconds_sum{stage=decode}"] == pytest.approx(0.2)
    assert found["frames_scanned_total"] == 12
    assert (found["score_bucket{label=nsfw,le=0.98}"], found["score_bucket{label=nsfw,le=0.99}"]) == (0, 1)
    assert found["model_info{name=nsfw,timm=open-nsfw}"] == 1
    assert [name for name in found if name.startswith("build_info{mitmproxy=")] != []
    assert [name for name in found if name.startswith(("unscanned", "failclosed"))] == []


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, "pass"),
        ({"strict": REJECT, "rule": "explicit"}, "would-reject"),
        ({"cause": "decoder", "strict": UNAVAILABLE, "rule": "decoder"}, "unscanned"),
    ],
)
def test_files_that_passed(fields: dict[str, Any], verdict: str) -> None:
    metrics = Metrics(POLICY)
    metrics.note(decision(PASS, **fields))
    counted = [name for name, value in samples(metrics).items() if name.startswith("scans_total{") and value]
    assert [name.partition("verdict=")[2] for name in counted] == [f"{verdict}}}"]


def test_failures_are_counted_by_what_became_of_the_file() -> None:
    metrics = Metrics(POLICY)
    metrics.note(decision(UNAVAILABLE, cause="deadline", rule="deadline"))
    metrics.note(decision(REJECT, source="fetch", cause="undecodable", rule="undecodable"))
    metrics.note(decision(PASS, source="proxy", cause="deadline", rule="deadline", strict=UNAVAILABLE))
    found = samples(metrics)
    assert found["failclosed_total{reason=deadline,source=upload}"] == 1
    assert found["failclosed_total{reason=undecodable,source=fetch}"] == 1
    assert found["unscanned_total{reason=deadline,source=proxy}"] == 1
    assert (found["deadline_exceeded_total"], found["undecodable_total"]) == (2, 1)
    assert "score_count{label=nsfw}" not in found


def test_what_was_remembered_was_not_looked_at_again() -> None:
    metrics = Metrics(POLICY)
    metrics.note(decision(cached=True))
    found = samples(metrics)
    assert found["cache_hits_total{kind=verdict}"] == 1
    assert found["frames_scanned_total"] == 0


def test_lists_are_counted_under_their_names() -> None:
    metrics = Metrics(POLICY, ["friends"])
    for rule in ("friends", "deny", "explicit"):
        metrics.note(decision(REJECT, rule=rule))
    found = samples(metrics)
    assert {name: value for name, value in found.items() if name.startswith("list_matches")} == {
        "list_matches_total{list=friends}": 1,
        "list_matches_total{list=deny}": 1,
    }


def test_lists_of_the_policy_are_counted_by_the_rules_that_ask_them() -> None:
    spec = POLICY.model_dump(exclude_none=True) | {
        "lists": {"shared": {"file": "/l.txt"}, "other": {"file": "/o.txt"}},
        "rules": [
            {"name": "known", "when": {"list": "shared"}, "action": "reject"},
            {"name": "by-name", "when": {"all": [{"rule": "known"}]}, "action": "log"},
            {"name": "either", "when": {"any": [{"list": "shared"}, {"list": "other"}]}, "action": "log"},
            {"name": "mixed", "when": {"any": [{"list": "other"}, {"signal": "nsfw", "above": 0.5}]}, "action": "log"},
            {"name": "absent", "when": {"all": [{"none": [{"list": "other"}]}]}, "action": "log"},
        ],
    }
    metrics = Metrics(PolicySpec.model_validate(spec), ["shared", "other"])
    for rule in ("known", "by-name", "either", "mixed", "absent"):
        metrics.note(decision(REJECT, rule=rule))
    found = samples(metrics)
    assert {name: value for name, value in found.items() if name.startswith("list_matches")} == {
        "list_matches_total{list=shared}": 2
    }


def test_strangers_cannot_make_names() -> None:
    metrics = Metrics(POLICY)
    for index in range(50):
        metrics.note(decision(REJECT, source=f"s{index}", rule=f"r{index}", scores={f"x{index}": 0.1}))
        metrics.ended(None, 600 + index)
    found = samples(metrics)
    assert found["scans_total{rule=other,source=other,verdict=reject}"] == 50
    assert found["score_count{label=other}"] == 50
    assert found["requests_total{code=other,route=other}"] == 50


def test_requests_are_counted_by_route_and_code() -> None:
    metrics = Metrics(POLICY)
    view = routes.match(b"GET", b"/image/original/a.png")
    metrics.ended(view, 200)
    metrics.ended(view, None)
    metrics.ended(None, 404)
    found = samples(metrics)
    assert found["requests_total{code=200,route=/image/original/{name}}"] == 1
    assert found["requests_total{code=none,route=/image/original/{name}}"] == 1
    assert found["requests_total{code=404,route=other}"] == 1


def test_gauges_are_read_when_somebody_asks() -> None:
    numbers = [3.0]
    metrics = Metrics(POLICY, gauges={"inflight": lambda: numbers[0]})
    assert samples(metrics)["inflight"] == 3
    numbers[0] = 4.0
    assert samples(metrics)["inflight"] == 4
    assert "queue_depth" not in samples(metrics)
    with pytest.raises(ValueError, match="no such gauges: bogus"):
        Metrics(POLICY, gauges={"bogus": lambda: 0.0})


def test_new_policy_has_new_names() -> None:
    metrics = Metrics(POLICY)
    spec = POLICY.models["nsfw"]
    metrics.use(POLICY.model_copy(update={"models": {"other-model": spec}}), ["friends"])
    metrics.note(decision(REJECT, rule="friends"))
    found = samples(metrics)
    assert found["scans_total{rule=friends,source=upload,verdict=reject}"] == 1
    assert [name for name in found if name.startswith("model_info")] == ["model_info{name=other-model,timm=open-nsfw}"]


def test_fault_harms_nobody_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics(POLICY)
    with caplog.at_level(logging.ERROR, "pictrs_filter"):
        for _ in range(3):
            metrics.note(Decision("ref", "upload", None, 0.0))  # type: ignore[arg-type]
            metrics.ended(None, "200")  # type: ignore[arg-type]
    assert len(caplog.records) == 1


def test_two_in_one_process_do_not_meet() -> None:
    one, other = Metrics(POLICY), Metrics(POLICY)
    one.note(decision())
    assert samples(other)["frames_scanned_total"] == 0
