"""Who decides on requests: the gatekeeper on clients', the callback desk on pict-rs's. The interceptor carries out."""

from __future__ import annotations

from typing import Any, Protocol

from addons.callback import Reply
from addons.gatekeeper import Forward
from addons.inbound import Headers, Hold, Inbound
from addons.pictrs.answers import Answer


class Desk(Protocol):
    """What the interceptor asks of one. `found` is what its own `screen` gave."""

    def screen(self, method: bytes, target: bytes, headers: Headers) -> Any | Answer:
        """Decide on a request's head alone."""
        ...

    def share(self, found: Any) -> float | None:
        """The share of all places that requests like this one may take (admission.py); None: it needs none."""
        ...

    def body_limit(self, found: Any) -> int:
        """How many bytes of body a request may have."""
        ...

    def at_once(self, found: Any, inbound: Inbound) -> Forward | Reply | Answer | None:
        """Decide on a whole request, where nothing has to be waited for and little to be done; None: ask `decide`."""
        ...

    async def decide(self, found: Any, inbound: Inbound, hold: Hold) -> Forward | Reply | Answer:
        """Decide on a whole request."""
        ...
