"""The whole path: pictures uploaded by HTTP to a filter, which judges them and sends them on to a stand-in for pict-rs.

The stand-in and the client are in this process, the filter in one of its own. What is stored is deleted at once.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from addons.admin.bench.pictures import Pictures
from addons.admin.bench.report import Uploading
from addons.admin.bench.steps import Steps
from addons.admin.bench.subject import Subject
from addons.admin.standin import StandIn
from addons.pictrs.client import ClientError, PictrsClient
from config.load import Config
from model.formats.sniff import sniff

JUDGED = (201, 400)
"""Answers to an upload that was judged: stored, or refused by a rule."""


class Uploads:
    """Uploads `pictures` in turn to a filter; `started` makes one."""

    def __init__(self, subject: Subject, client: PictrsClient, store: Path, pictures: Pictures, steps: Steps) -> None:
        self._subject = subject
        self._client = client
        self._store = store
        self._pictures = pictures
        self._steps = steps
        self._answer: str | None = None

    @classmethod
    @asynccontextmanager
    async def started(cls, config: Config, pictures: Pictures, steps: Steps) -> AsyncIterator[Uploads]:
        """Start a filter with the settings of `config`, and a stand-in behind it. Raises SubjectError."""
        with tempfile.TemporaryDirectory(prefix="pictrs-filter-bench-") as folder:
            store = Path(folder) / "store"
            stand_in = StandIn(store, config.settings.limits.max_file_bytes)
            await stand_in.start()
            try:
                steps.progress.begin("starting a filter")
                async with Subject(config, stand_in.url) as subject, PictrsClient(subject.url) as client:
                    steps.progress.end(f"on {subject.device}")
                    yield cls(subject, client, store, pictures, steps)
            finally:
                await stand_in.close()

    async def measure(self, at_once: int, share: float) -> Uploading:
        """Upload, `at_once` side by side. Raises SubjectError when the filter ends meanwhile."""
        self._answer = None
        name = "uploads, one at a time" if at_once == 1 else f"uploads, {at_once} at a time"
        pace = await self._steps.measure(name, self._upload, share=share, at_once=at_once)
        answer = self._answer if pace.failed else None
        more = f", {pace.failed} not judged: {answer}" if pace.failed else ""
        self._steps.progress.end(f"{pace.per_second:.3g} pictures a second{more}")
        return Uploading(at_once, pace, answer)

    async def _upload(self, turn: int) -> bool:
        data = self._pictures.files[turn % len(self._pictures.files)]
        media = sniff(data)
        try:
            reply = await self._client.upload(data, media.mime if media else "application/octet-stream")
        except ClientError as error:
            self._subject.check()
            self._answer = str(error)
            return False
        if reply.alias is not None:
            (self._store / reply.alias).unlink(missing_ok=True)  # or a fast machine would fill the disk
        if reply.status in JUDGED:
            return True
        self._answer = f'{reply.status} "{reply.msg}"'
        return False
