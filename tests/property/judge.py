"""FakeJudge with two habits of the real one: an empty file is broken, and a still is judged up to its end only."""

from __future__ import annotations

import hashlib

from config.policy import Origin
from model.verdict import Outcome, Verdict
from tests.running import FakeJudge

STILL_END = b"<end of the still>"
"""What stands behind it in a file is not judged, and so must not go on."""


class StillJudge(FakeJudge):
    """`passed` has the SHA-256 of what was judged, not of what was given."""

    async def judge(
        self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
    ) -> Verdict:
        if not data:
            sha256 = hashlib.sha256(data).hexdigest()
            return Verdict(Outcome.REJECT, Outcome.REJECT, "undecodable", "undecodable", sha256, 0)
        still, end, _ = data.partition(STILL_END)
        return await super().judge(still + end, deadline)
