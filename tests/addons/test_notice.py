"""What a notification says, what it never says, and that it does not grow."""

from __future__ import annotations

import json

import pytest

from addons.inspection import Decision
from addons.notice import MOST_FILES, MOST_RULES, Notice, event_of
from config.notify import Event
from tests.addons.notices import BROKEN, FAILED, LOGGED, PASSED, SECRETS, SHADOWED, UNSCANNED, decision


@pytest.mark.parametrize(
    ("made", "event"),
    [
        (decision(), "rejected"),
        (SHADOWED, "rejected"),
        (UNSCANNED, "unscanned"),
        (FAILED, "failed"),
        (BROKEN, None),
        (PASSED, None),
        (LOGGED, None),
    ],
)
def test_what_is_an_event(made: Decision, event: Event | None) -> None:
    assert event_of(made) == event


def told(*decisions: Decision) -> Notice:
    notice = Notice(900.0)
    for each in decisions:
        event = event_of(each)
        assert event is not None
        notice.add(event, each)
    return notice


def test_a_message() -> None:
    body = told(decision(), SHADOWED, UNSCANNED, FAILED).body()
    files = body.pop("files")
    assert isinstance(files, list)
    assert body == {
        "text": "pictrs-filter: 2 rejected (1 of them in shadow mode only; explicit 2), 1 passed without a verdict, "
        "1 refused because the filter could not judge; the latest has ref 00000002",
        "content": body["text"],
        "since": 900.0,
        "until": 1000.5,
        "counts": {"rejected": 2, "unscanned": 1, "failed": 1, "reload": 0},
        "rules": {"explicit": 2},
        "causes": {"decoder": 1, "deadline": 1},
    }
    assert [one["ref"] for one in files] == ["7f3a9c00", "00000003", "00000001", "00000002"]
    assert files[0] == {
        "time": 1000.5,
        "ref": "7f3a9c00",
        "source": "upload",
        "outcome": "reject",
        "strict": "reject",
        "rule": "explicit",
        "cause": None,
        "type": "jpeg",
        "size": 1234,
        "scores": {"nsfw": 0.912},
        "in_part": {"nsfw": 0.5},
    }


@pytest.mark.parametrize("made", [decision(), SHADOWED, UNSCANNED, FAILED])
def test_no_hash_no_host_no_note_and_no_codecs_words(made: Decision) -> None:
    message = json.dumps(told(made).body())
    assert [secret for secret in SECRETS if secret in message] == []


def test_a_reload() -> None:
    notice = Notice(900.0)
    notice.add_reload(950.0, "ab" * 32, 0)
    assert notice.text() == "pictrs-filter: policy reloaded (abababab)"
    notice.add_reload(960.0, "ab" * 32, 3)
    assert notice.text() == "pictrs-filter: a new policy has 3 problems, the old one stays; see the log"
    assert notice.body()["policy"] == {"hash": "ab" * 32, "problems": 3}
    assert "policy" not in told(decision()).body()


def test_what_could_not_be_sent_goes_with_the_next() -> None:
    first, second = told(decision(ref="a", rule="one")), told(decision(ref="b", at=2000.0), SHADOWED)
    second.add_reload(2001.0, "cd" * 32, 1)
    both = first.follow(second)
    assert (both.since, both.until, both.shadowed) == (900.0, 2001.0, 1)
    assert both.counts == {"rejected": 3, "reload": 1}
    assert both.rules == {"one": 1, "explicit": 2}
    assert [each.ref for each in both.files] == ["a", "b", "00000003"]
    assert (both.policy, both.problems) == ("cd" * 32, 1)


def test_it_stays_small() -> None:
    notice = told(*(decision(ref=f"{number:08x}", rule=f"rule-{number % 40}") for number in range(10_000)))
    assert notice.counts["rejected"] == 10_000
    assert [each.ref for each in notice.files] == [f"{number:08x}" for number in range(10_000 - MOST_FILES, 10_000)]
    assert notice.text().count("rule-") == MOST_RULES
    assert len(notice.text()) < 1000
    assert len(json.dumps(notice.body())) < 10_000
