"""What a decoder says of its barriers is taken from a fixed set of words, and turned into sentences."""

from __future__ import annotations

import json

import pytest

from model.barriers import ADVICE, WORDS, in_force, missing, read_ready, ready
from model.errors import DecoderFailed

FULL = ("rlimits", "landlock 7", "seccomp")


@pytest.mark.parametrize("words", [FULL, ("rlimits", "landlock 1", "no libseccomp"), [row[-1] for row in WORDS]])
def test_there_and_back(words: tuple[str, ...]) -> None:
    assert read_ready(json.loads(json.dumps(ready(words)))) == tuple(words)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"status": "ready"},
        {"barriers": [*FULL]},
        {"status": "ok", "barriers": [*FULL]},
        {"status": "ready", "barriers": [*FULL], "more": 1},
        {"status": "ready", "barriers": "rlimits"},
        {"status": "ready", "barriers": {"rlimits": 1, "landlock 7": 1, "seccomp": 1}},
        {"status": "ready", "barriers": []},
        {"status": "ready", "barriers": [*FULL[:2]]},
        {"status": "ready", "barriers": [*FULL, "seccomp"]},
        {"status": "ready", "barriers": ["seccomp", "landlock 7", "rlimits"]},
        {"status": "ready", "barriers": ["rlimits", "landlock 0", "seccomp"]},
        {"status": "ready", "barriers": ["rlimits", "landlock 8", "seccomp"]},
        {"status": "ready", "barriers": ["rlimits", "landlock 7", "seccomp\n"]},
        {"status": "ready", "barriers": ["rlimits", "landlock 7", None]},
        {"status": "ready", "barriers": ["rlimits", "landlock 7", ["seccomp"]]},
    ],
    ids=str,
)
def test_another_header(header: dict[str, object]) -> None:
    with pytest.raises(DecoderFailed, match="a decoder process"):
        read_ready(header)


def test_sentences() -> None:
    assert (in_force(FULL), missing(FULL)) == ("rlimits, landlock 7, seccomp", "")
    words = ("rlimits", "no landlock", "no libseccomp")
    assert in_force(words) == "rlimits"
    assert missing(words) == f"{ADVICE['no landlock']}; {ADVICE['no libseccomp']}"
    assert "apt-get install libseccomp2" in missing(words)


def test_advice_is_for_words() -> None:
    assert set(ADVICE) < {word for row in WORDS for word in row}
