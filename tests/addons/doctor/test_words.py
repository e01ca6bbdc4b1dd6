"""The program's own errors, taken apart."""

from __future__ import annotations

import pytest

from addons.doctor.words import told


@pytest.mark.parametrize(
    ("text", "what", "way"),
    [
        ("others read it (mode 644): run chmod 600 /x", "others read it (mode 644)", "run chmod 600 /x"),
        ("/x holds no key (restore it: all is fetched anew)", "/x holds no key", "restore it: all is fetched anew"),
        ("m: is not there; write open-nsfw: it is", "m: is not there", "write open-nsfw: it is"),
        ("m: says not; write `labels:` (its card has them)", "m: says not", "write `labels:` (its card has them)"),
        ("nothing more", "nothing more", ""),
    ],
)  # fmt: skip
def test_what_and_the_way_out(text: str, what: str, way: str) -> None:
    assert told(ValueError(text)) == (what, way)
