"""The steps of docker/migration.md before a real pict-rs: both validators, then the hook swapped, then the way back.

In the place of pictrs-safety stands a server that answers as version 1.2.2 does (apis/v1/base.py): 200, or 406 for what
its worker refuses. pict-rs shows it what it has stored.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from model.card import card
from tests.conftest import RunReal, need_real
from tests.docker.composed import DOCKER
from tests.docker.page import section
from tests.http1 import Request, upload, write_answer
from tests.pictrs import RealPictrs
from tests.ports import free_port
from tests.real.conftest import ALLOW_LOCAL, Scene, assert_rejected, cat, fresh, looks_like
from tests.recorder import Recorder

VERSION = "0.5.25"
HOOK = "PICTRS__MEDIA__EXTERNAL_VALIDATION"
PAGE = DOCKER / "migration.md"
UNWANTED = fresh("png", (96, 96))
"""What pictrs-safety refuses here, and the filter does not: they look for different things."""


def safety(request: Request) -> bytes:
    """pictrs-safety's answer to pict-rs."""
    if UNWANTED[-64:] in request.body:
        return write_answer(406, b'{"message": "Potential CSAM Image detected"}', {"Content-Type": "application/json"})
    return write_answer(200, b'{"message": "Image OK"}', {"Content-Type": "application/json"})


@pytest.fixture
def old() -> Iterator[Recorder]:
    """What stands in pictrs-safety's place."""
    with Recorder(safety) as running:
        yield running


@pytest.mark.parametrize("version", ["0.5.25", "0.6.0-rc.6", "0.4.8"])
def test_an_empty_hook_keeps_pict_rs_from_starting(version: str) -> None:
    """So the page says to delete the line."""
    need_real(version)
    with pytest.raises(RuntimeError, match="relative URL without a base"), RealPictrs(version, {HOOK: ""}):
        pass
    hook = section(PAGE, "3. The hook: one line")
    assert "delete the line" in hook
    assert "with an empty address pict-rs does not start" in hook.replace("\n", " ")


def test_both_then_one_then_back(run_real: RunReal, old: Recorder) -> None:
    before = {HOOK: f"http://127.0.0.1:{old.address[1]}/api/v1/scan/IPADDR"}
    with Scene(run_real(VERSION, ALLOW_LOCAL | before), mode="shadow") as scene:
        # step 1: the filter judges and refuses nothing but the card, pictrs-safety decides after it
        refused = upload(scene.gate.address, UNWANTED)
        assert (refused.status, len(old.requests)) == (400, 1), "by pict-rs, as its hook said no"
        passed = upload(scene.gate.address, cat())
        assert (passed.status, len(old.requests)) == (201, 2)
        assert [(decision.verdict.outcome, decision.verdict.strict) for decision in scene.gate.decisions] == [
            ("pass", "pass"),
            ("pass", "reject"),
        ]
        assert upload(scene.gate.address, card()).status == 400
        assert len(old.requests) == 2, "what the filter refuses, nobody else is asked about"
        # the way back from here: without the filter all is as it was
        assert upload(scene.real.address, fresh()).status == 201
        assert len(old.requests) == 3

    port = free_port()
    after = {HOOK: f"http://127.0.0.1:{port}/validate"}
    with Scene(run_real(VERSION, ALLOW_LOCAL | after), callback={"listen": f"127.0.0.1:{port}"}) as scene:
        # steps 3 and 4: the hook is the filter's, and it enforces
        data = fresh()
        assert looks_like(scene.served(upload(scene.gate.address, data)), data)
        assert [decision.source for decision in scene.gate.decisions] == ["upload", "hook"]
        assert_rejected(upload(scene.gate.address, cat()))
        assert upload(scene.real.address, cat()).status == 400, "round the filter, by the second line"
    assert len(old.requests) == 3
