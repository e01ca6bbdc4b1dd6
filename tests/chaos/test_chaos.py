"""Decoders, the classifier, pict-rs, the internal listener and clients die at random in the middle of requests.

Nothing that is not judged reaches pict-rs, nobody is left hanging, nothing is left behind, and all of it recovers.
CHAOS_SEED sets where chance begins; a test that fails has it in its output.
"""

from __future__ import annotations

import pytest

from tests.chaos.oracle import files, split
from tests.chaos.pictures import Gallery
from tests.chaos.scene import Scene, callback_address
from tests.chaos.standin import StandIn
from tests.chaos.storm import DEADLINE_SECONDS, OF_ASYNCIO, SHORT_MEMORY, storm

KILLS = {"decoder": 140, "thread": 50, "pict-rs": 160, "listener": 150}
BESIDES = {"classifier": 60, "client": 60}
"""Forwards that fail, and clients that leave."""


@pytest.mark.filterwarnings(*OF_ASYNCIO)
def test_500_kills(pictures: Gallery) -> None:
    settings = {"deadline_seconds": DEADLINE_SECONDS, "cache": SHORT_MEMORY}
    with StandIn() as upstream, Scene(upstream, pictures, callback_address(), **settings) as scene:
        upstream.validator = scene.gate.callback
        load = storm(scene, pictures, KILLS | BESIDES)
        uploads = [files(request) for record in upstream.raw for request in split(record)[0] if request.body]
    assert sum(KILLS.values()) == 500
    assert {200, 201, 400, 502, 503} <= {end for _, end in load.ends}  # of every kind of end there were some
    assert len([each for each in uploads if each]) > 50
    assert len(upstream.taken) > 10
