"""By what the filter knows its own requests when they come back to it."""

from __future__ import annotations

from addons.inbound import Inbound

LOOP_HEADER = b"x-pictrs-filter"
"""Names this filter in what it sends: `ID` to pict-rs, `ID-fetch` to others."""


class LoopGuard:
    """`instance` is a public name of this filter (fetch.seal.Seal.instance)."""

    def __init__(self, instance: str) -> None:
        self.mark = instance.encode("ascii")
        """What goes to pict-rs."""
        self.fetch_mark = self.mark + b"-fetch"
        """What goes to others."""

    def is_own(self, inbound: Inbound) -> bool:
        """Whether it is what this filter sent to pict-rs: that is a loop, whatever it asks for."""
        return self.mark in inbound.all(LOOP_HEADER)

    def is_own_fetch(self, inbound: Inbound) -> bool:
        """Whether it is a fetch of this filter's. That is a loop only where it would cause another one: people post
        links to pictures on their own server."""
        return self.fetch_mark in inbound.all(LOOP_HEADER)
