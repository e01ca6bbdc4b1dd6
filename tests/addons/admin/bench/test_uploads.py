"""Uploads measured with a fake of the client: what counts as judged, what is told, and a disk that does not fill."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from addons.admin.bench.pictures import Pictures
from addons.admin.bench.progress import Progress
from addons.admin.bench.steps import Steps
from addons.admin.bench.subject import SubjectError
from addons.admin.bench.uploads import Uploads
from addons.pictrs.client import ClientError, Reply
from tests.model.test_judge import JPEG


class Client:
    """Answers each upload with a status, and stores what it says it has stored."""

    def __init__(self, store: Path, status: int = 201, error: str = "") -> None:
        self.store, self.status, self.error = store, status, error
        self.sent: list[tuple[bytes, str]] = []

    async def upload(self, data: bytes, mime: str) -> Reply:
        self.sent.append((data, mime))
        if self.error:
            raise ClientError(self.error)
        alias = f"{len(self.sent)}.jpeg" if self.status == 201 else None
        if alias is not None:
            (self.store / alias).write_bytes(data)
        return Reply(self.status, "a message", "a-code", alias, None, b"")


class Subject:
    """A filter that runs, or has ended."""

    def __init__(self, ended: bool = False) -> None:
        self.ended = ended

    def check(self) -> None:
        if self.ended:
            raise SubjectError("the filter has ended")


def made(client: Client, folder: Path, *files: bytes, ended: bool = False) -> tuple[Uploads, io.StringIO]:
    told = io.StringIO()
    steps = Steps(0.05, Progress(told))
    steps.plan(0)
    subject: Any = Subject(ended)
    fake: Any = client
    return Uploads(subject, fake, folder, Pictures("a kind", files or (JPEG,)), steps), told


@pytest.mark.parametrize("status", [201, 400])
async def test_what_is_stored_or_refused_by_a_rule_was_judged(status: int, tmp_path: Path) -> None:
    client = Client(tmp_path, status)
    uploads, told = made(client, tmp_path, JPEG, b"no picture")
    found = await uploads.measure(1, 1.0)
    assert (found.at_once, found.pace.failed, found.answer) == (1, 0, None)
    assert found.pace.done == len(client.sent) - 1 > 1, "one is to warm up"
    assert set(client.sent) == {(JPEG, "image/jpeg"), (b"no picture", "application/octet-stream")}
    assert os.listdir(tmp_path) == [], "what was stored is deleted at once"
    assert "uploads, one at a time" in told.getvalue()


@pytest.mark.parametrize(
    ("status", "error", "answer"), [(503, "", '503 "a message"'), (201, "connection refused", "connection refused")]
)
async def test_what_was_not_judged_is_counted_and_told(status: int, error: str, answer: str, tmp_path: Path) -> None:
    uploads, told = made(Client(tmp_path, status, error), tmp_path)
    found = await uploads.measure(4, 1.0)
    assert (found.at_once, found.pace.done, found.answer) == (4, 0, answer)
    assert found.pace.failed > 0
    assert f"uploads, 4 at a time: 0 pictures a second, {found.pace.failed} not judged: {answer}" in told.getvalue()


async def test_a_filter_that_has_ended_ends_it(tmp_path: Path) -> None:
    uploads, _ = made(Client(tmp_path, error="connection reset"), tmp_path, ended=True)
    with pytest.raises(SubjectError, match="has ended"):
        await uploads.measure(1, 1.0)
