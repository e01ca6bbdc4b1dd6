"""The picture that is uploaded: ordinary, another file each time, and gone afterwards."""

from __future__ import annotations

import asyncio
import io
import json
import threading

import pytest
from PIL import Image

from addons.doctor.drawn import _fresh, upload_drawn
from model.card import PLAIN_SIZE, plain
from tests.http1 import Request, write_answer
from tests.recorder import Recorder


def test_the_same_picture_in_another_file() -> None:
    one, other = _fresh(), _fresh()
    assert len({one, other, plain()}) == 3
    with Image.open(io.BytesIO(one)) as shown, Image.open(io.BytesIO(plain())) as drawn:
        assert shown.size == PLAIN_SIZE
        assert shown.tobytes() == drawn.tobytes()


def answering(file: dict[str, str], deleted: int) -> Recorder:
    def answer(request: Request) -> bytes:
        if request.method == "POST":
            return write_answer(201, json.dumps({"msg": "ok", "files": [file] if file else []}).encode())
        return write_answer(deleted)

    return Recorder(answer)


async def test_it_is_deleted() -> None:
    with answering({"file": "a.jpg", "delete_token": "t"}, 204) as recorder:
        found = await upload_drawn(recorder.url)
        assert [(each.method, each.target) for each in recorder.requests] == [
            ("POST", "/image"),
            ("GET", "/image/delete/t/a.jpg"),
        ]
    assert (found.reply.alias, found.left) == ("a.jpg", None)


async def test_what_stays_is_told() -> None:
    with answering({"file": "a.jpg", "delete_token": "t"}, 500) as recorder:
        assert (await upload_drawn(recorder.url)).left == "a.jpg"
    with answering({"file": "a.jpg"}, 204) as recorder:
        assert (await upload_drawn(recorder.url)).left == "a.jpg"


async def test_what_was_not_stored_is_not_deleted() -> None:
    with answering({}, 204) as recorder:
        assert (await upload_drawn(recorder.url)).left is None
        assert len(recorder.requests) == 1


async def test_what_was_stored_is_told_though_the_deletion_gets_no_answer() -> None:
    def answer(request: Request) -> bytes | None:
        files = [{"file": "a.jpg", "delete_token": "t"}]
        return write_answer(201, json.dumps({"files": files}).encode()) if request.method == "POST" else None

    with Recorder(answer) as recorder:
        assert (await upload_drawn(recorder.url)).left == "a.jpg"


async def test_ctrl_c_during_the_upload_leaves_nothing_behind() -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def answer(request: Request) -> bytes:
        if request.method != "POST":
            return write_answer(204)
        arrived.set()
        go_on.wait(10)
        return write_answer(201, json.dumps({"files": [{"file": "a.jpg", "delete_token": "t"}]}).encode())

    with Recorder(answer) as recorder:
        work = asyncio.create_task(upload_drawn(recorder.url))
        await asyncio.to_thread(arrived.wait, 10)
        work.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert recorder.requests[-1].target == "/image/delete/t/a.jpg"
