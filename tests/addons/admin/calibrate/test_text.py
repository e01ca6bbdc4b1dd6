"""The terminal's text: columns that line up, names that cannot do harm."""

from __future__ import annotations

from pathlib import Path

from addons.admin.calibrate.calibration import Calibration, of_signals
from addons.admin.calibrate.text import text, worst
from tests.addons.admin.calibrate.pictures import NOWHERE, scored
from tests.running import config


def test_what_is_told() -> None:
    signals = of_signals(config(NOWHERE), scored(*[0.01] * 999, 0.9, parts=[0.99]), 0.001)
    lines = text(
        Calibration("now", "f.yaml", "ab" * 32, "pictures in x", 1003, {"unsupported": 3}, signals, ("mind the gap",))
    ).splitlines()
    assert lines[:5] == [
        "pictures in x; policy abababab (f.yaml)",
        "1,003 files; without scores: no picture of a format that is judged: 3",
        "note: mind the gap",
        "",
        "nsfw (nsfw of open-nsfw): 1,000 pictures",
    ]
    (own,) = [line for line in lines if line.endswith("explicit (reject)")]
    assert " ".join(own.split()) == "0.85 0.9812 2 0.2 % 0.0242 - 0.721 % 1 0.1 % 0.003 - 0.556 % explicit (reject)"
    (head,) = [line for line in lines if line.endswith("  rule")]
    assert own.index("explicit") == head.index("rule")
    assert max(map(len, lines)) <= 130


def test_the_worst_files_are_named_on_one_line_each() -> None:
    (one,) = scored(0.5, parts=[0.25])
    (other,) = scored(0.125)
    found = worst("nsfw", [(Path("/a/\x1b[31mred\n.jpg"), one), (Path("b"), other)]).splitlines()
    assert found[1:] == [
        "   0.5000  in a part  0.2500  /a/\\x1b[31mred\\n.jpg",
        "   0.1250  in a part       -  b",
    ]
