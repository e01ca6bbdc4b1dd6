"""A view of what pict-rs cannot have."""

from __future__ import annotations

from addons.pictrs.askback import ask_back, refuses_local
from addons.pictrs.asking import Asking, Reply
from tests.http1 import write_answer
from tests.recorder import Recorder


async def test_the_address_is_escaped_whole() -> None:
    with Recorder(lambda _: write_answer(500)) as recorder:
        async with Asking(recorder.url) as asking:
            assert (await ask_back(asking, "http://filter:8082/v/a_b-c?d&e")).status == 500
        (request,) = recorder.requests
    assert request.target == "/image/original?proxy=http%3A%2F%2Ffilter%3A8082%2Fv%2Fa_b-c%3Fd%26e"


def test_a_refusal_of_local_addresses() -> None:
    assert refuses_local(Reply(400, b'{"msg": "Proxy url resolves to local address"}'))
    assert not refuses_local(Reply(500, b'{"msg": "Connection refused (os error 111)"}'))
