"""What is printed has the keys that are promised, each with a meaning, and the table has each figure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from addons.admin.bench import table
from addons.admin.bench.machine import Machine
from addons.admin.bench.pace import Pace
from addons.admin.bench.report import KEYS, Decoding, Modelling, Report, Result, Setup, Uploading, as_object

NAMED = ("versions", "setup.models")
"""Mappings whose keys are names."""


def keys(value: Any, at: str = "") -> Iterator[str]:
    """The keys of an object, as KEYS writes them; those of an empty list and of null are not to be seen."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from keys(inner, f"{at}.{'*' if at in NAMED else name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner, f"{at}[]")
    else:
        yield at


def report() -> Report:
    """A whole one."""
    pace = Pace((100.0, 204.06), 0, 0.8)
    made = Report("2026-01-01T00:00:00+00:00", "f.yaml", Machine("CPU", 2, 9, "Linux"), {"python": "3"}, 0.5, 1.5)
    made.setup = Setup({"nsfw": "open-nsfw"}, "cpu", 2, "rlimits", False, 8.0)
    made.decode = [
        Decoding("phone photo", 2, 3_200_000, 13.0, None, pace),
        Decoding("huge", 1, 1000, None, "too large", None),
    ]
    made.model = [Modelling("nsfw", 1, 1, pace), Modelling("nsfw", 13, 4, pace)]
    made.whole = [Uploading(1, pace, None), Uploading(4, Pace((50.0,), 3, 2.0), '503 "later"')]
    made.result = Result(2.5, 204.1, 20, True, "FAST ENOUGH", ("a note",))
    return made


def test_every_key_is_documented_and_there() -> None:
    assert set(keys(as_object(report()))) == set(KEYS)
    assert all(KEYS.values())


def test_it_is_json_with_rounded_figures() -> None:
    found = json.loads(json.dumps(as_object(report())))
    assert found["complete"] is True
    assert found["machine"]["load_average_after"] == 1.5
    assert found["setup"]["lemmy_seconds"] == 10
    first, second = found["decode"]
    assert first == {
        "pictures": "phone photo",
        "files": 2,
        "mean_bytes": 3_200_000,
        "mean_views": 13.0,
        "refused": None,
        "done": 2,
        "pictures_per_second": 2.5,
        "p50_ms": 100.0,
        "p99_ms": 204.1,
    }
    assert (second["refused"], second["done"], second["p50_ms"]) == ("too large", None, None)
    assert (found["model"][1]["views_per_second"], found["model"][1]["ms_per_view"]) == (32.5, 30.8)
    assert (found["whole"][1]["not_judged"], found["whole"][1]["not_judged_answer"]) == (3, '503 "later"')
    assert found["result"]["advice"] == ["a note"]


def test_what_is_not_there_yet_is_null_or_empty() -> None:
    begun = Report("2026-01-01T00:00:00+00:00", "f.yaml", Machine("CPU", 2, 9, "Linux"), {"python": "3"}, 0.5)
    found = as_object(begun)
    assert (found["complete"], found["setup"], found["result"], found["decode"]) == (False, None, None, [])
    assert table.text(begun).splitlines() == [
        "machine   CPU, 2 cores, 9 MiB, Linux; load average 0.5",
        "versions  python 3",
    ]


def test_the_table() -> None:
    lines = table.text(report()).splitlines()
    assert max(map(len, lines)) <= 110
    assert [line.split() for line in lines if line.startswith("  ")] == [
        ["phone", "photo", "3200", "13", "2.5", "100", "204"],
        ["huge", "1", "refused", "by", "these", "settings:", "too", "large"],
        ["nsfw,", "1", "view", "a", "call", "2.5", "400"],
        ["nsfw,", "13", "views", "a", "call,", "4", "calls", "at", "once", "32.5", "31"],
        ["one", "upload", "at", "a", "time", "2.5", "100", "204", "204", "2"],
        ["4", "uploads", "at", "a", "time", "0.5", "50", "50", "50", "1,", "3", "not", "judged"],
        ["-", "a", "note"],
    ]
    assert lines[0].endswith("load average 0.5 before, 1.5 after")
    assert lines[1] == "filter    nsfw (open-nsfw) on cpu; decoder.processes: 2 (rlimits); views.tiles: false"
    assert "FAST ENOUGH" in lines
    assert lines[-1].startswith("These figures hold for this machine")


def test_a_model_that_did_nothing_has_no_time() -> None:
    assert Modelling("m", 1, 1, Pace((), 1, 1.0)).ms_per_view is None
