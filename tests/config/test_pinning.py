"""Keys put into a configuration's text: all else stays, byte for byte, and what is in doubt is not written."""

from __future__ import annotations

import pytest

from config.document import read
from config.pinning import PinningError, with_keys

KEYS = {"revision": "1" * 40, "sha256": "2e3" + "4" * 61}
TWO = f"revision: '{KEYS['revision']}'", f"sha256: '{KEYS['sha256']}'"

BLOCK = """\
# mine
models:
  other: {timm: open-nsfw}   # timm: hf-hub:a/b
  nsfw:   # the one
    # why
    timm: hf-hub:a/b   # from the hub,
                       # as everybody knows
    # labels by name
    labels: [NSFW, SFW]

signals: {}
"""


def test_lines_below_timm_and_its_comment() -> None:
    begin, comment, end = BLOCK.partition("                       # as everybody knows\n")
    expected = f"{begin}{comment}    {TWO[0]}\n    {TWO[1]}\n{end}"
    assert with_keys(BLOCK.encode(), {"nsfw": KEYS}).decode() == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("models:\n  nsfw: {timm: hf-hub:a/b}\n", "models:\n  nsfw: {timm: hf-hub:a/b, +}\n"),
        ("models: {nsfw: {timm: 'hf-hub:a/b', labels: []}} # é",
            "models: {nsfw: {timm: 'hf-hub:a/b', +, labels: []}} # é"),
        ('models: {nsfw: {labels: [x], timm: "hf-hub:a/b" }}', 'models: {nsfw: {labels: [x], timm: "hf-hub:a/b", + }}'),
        ("models:\n  nsfw: {\n    timm: hf-hub:a/b,\n  }\n", "models:\n  nsfw: {\n    timm: hf-hub:a/b, +,\n  }\n"),
        ("models:\r\n  nsfw:\r\n    timm: hf-hub:a/b\r\n", "models:\r\n  nsfw:\r\n    timm: hf-hub:a/b\r\n    *\r\n"),
        ("\ufeffmodels:\n nsfw:\n  timm: hf-hub:a/b", "\ufeffmodels:\n nsfw:\n  timm: hf-hub:a/b\n  *\n"),
        ("models:\n  nsfw:\n    labels: [x]\n    timm: 'hf-hub:a/b'\nmode: shadow\n", None),
    ],
)  # fmt: skip
def test_other_ways_to_write_a_model(before: str, after: str | None) -> None:
    end = "\r\n" if "\r\n" in before else "\n"
    result = with_keys(before.encode(), {"nsfw": KEYS}).decode()
    if after is not None:
        indent = "    " if "    *" in after else "  "
        assert result == after.replace("+", ", ".join(TWO)).replace("*", f"{end}{indent}".join(TWO))
    old, new = read(before.encode()), read(result.encode())
    assert new.complete
    assert new.findings == []
    models = old.values["models"]
    assert isinstance(models, dict)
    assert new.values == {**old.values, "models": {"nsfw": {**models["nsfw"], **KEYS}}}


@pytest.mark.parametrize(
    "text",
    [
        "models:\n  nsfw:\n    timm: >-\n      hf-hub:a/b\n",
        "models:\n  nsfw:\n    ? timm\n    : hf-hub:a/b\n",
        "models:\n  nsfw: {timm: hf-hub:a/b} # {timm: hf-hub:a/b}\n",
        'models:\n  nsfw:\n    "timm": hf-hub:a/b\n',
        "models:\n  nsfw:\n    timm: hf-hub:a/b\n    revision: x\n",
        "models:\n  cats:\n    timm: hf-hub:a/b\n",
        "models:\n  nsfw:\n    timm: hf-hub:a/b\n  nsfw: {}\n",
        "mode: shadow\n",
        "models: [",
    ],
)
def test_in_doubt_nothing_is_written(text: str) -> None:
    with pytest.raises(PinningError, match=r"models\.nsfw: .* add: revision: '1{40}'; sha256: '2e34"):
        with_keys(text.encode(), {"nsfw": KEYS})


def test_several_models() -> None:
    text = "models:\n  a:\n    timm: local-dir:/a\n  b: {timm: local-dir:/b}\n"
    assert with_keys(text.encode(), {"a": {"sha256": "5"}, "b": {"sha256": "6"}}).decode() == (
        "models:\n  a:\n    timm: local-dir:/a\n    sha256: '5'\n  b: {timm: local-dir:/b, sha256: '6'}\n"
    )
