"""How a file stands on the administrator's own lists, in words: after a change, and with `deny` winning. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from addons.page.sources import Kind

REMOVED: Mapping[Kind, str] = {"allow": "off-allow", "deny": "off-deny"}
"""List -> what the page's address says after the file was taken off it."""


def told(change: str, on: Collection[Kind]) -> str:
    """What a change came to, for a file that is on these lists now; empty for what is no change or did not hold."""
    if change == "allow" and "allow" in on:
        if "deny" in on:
            return "It is on the list. But it is on the list deny, too, which wins: it is refused as before."
        return "It is on the list. It will pass from now on."
    if change == "deny" and "deny" in on:
        wins = " It is on the list allow, too: deny wins." if "allow" in on else ""
        return f"It is on the list. It will be refused from now on.{wins}"
    if change == REMOVED["deny"] and "deny" not in on:
        then = "It will pass from now on: it is on the list allow." if "allow" in on else "The rules decide again."
        return f"It is off the list deny. {then}"
    if change == REMOVED["allow"] and "allow" not in on:
        then = "It is refused as before: it is on the list deny." if "deny" in on else "The rules decide again."
        return f"It is off the list allow. {then}"
    return ""
