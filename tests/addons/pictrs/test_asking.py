"""Questions to pict-rs: sent letter for letter, and answers of any kind read without harm."""

from __future__ import annotations

import pytest

from addons.pictrs.asking import MAX_ANSWER_BYTES, Asking, Reply
from tests.http1 import write_answer
from tests.recorder import Recorder


@pytest.mark.parametrize(
    ("body", "msg", "code"),
    [
        (b'{"msg": "a", "code": "b"}', "a", "b"),
        (b'{"msg": 1, "code": null}', "", ""),
        (b"[]", "", ""),
        (b"<html>", "", ""),
        (b"\xff\xfe", "", ""),
        (b"[" * 60_000, "", ""),
    ],
)
def test_words(body: bytes, msg: str, code: str) -> None:
    reply = Reply(404, body)
    assert (reply.msg, reply.code) == (msg, code)


async def test_what_is_sent() -> None:
    with Recorder(lambda _: write_answer(302, b"x" * 2 * MAX_ANSWER_BYTES, {"Location": "/elsewhere"})) as recorder:
        async with Asking(recorder.url) as asking:
            reply = await asking.get("/a%2Fb?c=%20+d", {"x-pictrs-filter": "me"})
        (request,) = recorder.requests
    assert (request.method, request.target, request.header("x-pictrs-filter")) == ("GET", "/a%2Fb?c=%20+d", ["me"])
    assert reply.status == 302
    assert len(reply.body) <= MAX_ANSWER_BYTES
