"""The messages of the program's own errors, what is wrong and then the way out, taken apart for a finding."""

from __future__ import annotations


def told(error: Exception) -> tuple[str, str]:
    """(what is wrong, the way out) of `PROBLEM; WAY`, `PROBLEM (WAY)` or `PROBLEM: WAY`; no way in others."""
    text = str(error)
    if "; " in text:
        what, _, way = text.partition("; ")
        return what, way
    if text.endswith(")") and " (" in text:
        what, _, way = text.removesuffix(")").rpartition(" (")
        return what, way
    what, _, way = text.rpartition(": ")
    return (what, way) if what else (text, "")
