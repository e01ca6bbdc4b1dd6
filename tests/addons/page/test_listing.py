"""What a change of a list came to, in words."""

from __future__ import annotations

import pytest

from addons.page.listing import told
from addons.page.sources import Kind


@pytest.mark.parametrize(
    ("change", "on", "words"),
    [
        ("allow", ["allow"], "It will pass from now on."),
        ("allow", ["allow", "deny"], "deny, too, which wins: it is refused as before."),
        ("allow", [], ""),
        ("deny", ["deny"], "It will be refused from now on."),
        ("deny", ["allow", "deny"], "deny wins."),
        ("deny", ["allow"], ""),
        ("off-deny", [], "It is off the list deny. The rules decide again."),
        ("off-deny", ["allow"], "It will pass from now on: it is on the list allow."),
        ("off-deny", ["deny"], ""),
        ("off-allow", [], "It is off the list allow. The rules decide again."),
        ("off-allow", ["deny"], "It is refused as before: it is on the list deny."),
        ("off-allow", ["allow"], ""),
        ("<script>", ["allow", "deny"], ""),
        ("", ["allow"], ""),
    ],
)
def test_words_after_a_change(change: str, on: list[Kind], words: str) -> None:
    found = told(change, on)
    assert found.endswith(words) if words else found == ""
