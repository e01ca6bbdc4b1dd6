"""A storm: load and kills together, then a look at all that is left."""

from __future__ import annotations

import http.client
import os
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from random import Random

from tests.chaos.kills import Kills
from tests.chaos.leaks import SETTLE_SECONDS, assert_nothing_left
from tests.chaos.load import Load, converse
from tests.chaos.oracle import unjudged
from tests.chaos.pictures import Gallery
from tests.chaos.scene import DECODERS, Scene

CLIENTS = 6
DEADLINE_SECONDS = 2.0
UPSTREAM_SECONDS = 5.0
SLACK_SECONDS = 15.0
"""What a busy machine may add; a client that hangs does so for minutes."""
BOUND_SECONDS = DEADLINE_SECONDS + UPSTREAM_SECONDS + SLACK_SECONDS
SHORT_MEMORY = {"verdicts": 64, "verdict_seconds": 0.1, "refused_seconds": 0.1, "failed_seconds": 0.05}
"""All caches are at work, and nothing is answered by them for long."""
OF_ASYNCIO = (
    "ignore:Exception ignored in. <(function _SelectorTransport|socket.socket .*laddr=..127.0.0.4)",
    "ignore:unclosed transport:ResourceWarning",
)
"""asyncio of Python 3.11 leaves a connection that comes while its server closes to the garbage collector (CPython
issue 109564), which then complains. Only the internal listener, at 127.0.0.4, is closed here. As an error the second
complaint would keep the socket open that it is about: it is raised in the middle of its closing."""


def storm(
    scene: Scene,
    shown: Gallery,
    weights: Mapping[str, int],
    *,
    clients: int = CLIENTS,
    served: int = 0,
    settle: float = SETTLE_SECONDS,
    bound: float = BOUND_SECONDS,
) -> Load:
    """Kill as often as `weights` says under load. AssertionError for whatever went wrong or is left behind.

    What became of each request is in the load. `served`: how many requests succeed between two
    kills; `settle`: seconds until nothing may be left; `bound`: seconds after which a client hangs.
    """
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(1 << 32))
    print(f"CHAOS_SEED={seed}")
    calm(scene, bound)
    before = scene.rest()
    with Load(scene.gate.address, scene.asks, seed=seed, clients=clients, bound=bound) as load:
        kills = Kills(scene, load, Random(seed))
        kills.run(weights, served)
    print(dict(kills.done), sorted(load.ends.items(), key=str))
    assert not load.wrong, load.wrong[:10]
    assert kills.done == weights
    wrong = unjudged(scene.upstream.raw, scene.upstream.taken, shown)
    assert not wrong, wrong[:10]
    scene.model.fault = None
    staff(scene)
    calm(scene, bound)  # a classifier's thread that has ended is followed by another with the next picture
    assert_nothing_left(before, scene.held, settle)
    return load


def staff(scene: Scene) -> None:
    """Ask until all decoders are there: one that could not be started is tried again when somebody has to wait."""
    ask = scene.asks.largest()

    def try_once(_: object) -> None:
        with closing(http.client.HTTPConnection(*scene.gate.address, timeout=BOUND_SECONDS)) as connection:
            converse(connection, ask)

    end = time.monotonic() + SETTLE_SECONDS
    with ThreadPoolExecutor(2 * DECODERS) as pool:
        while scene.idle_decoders < DECODERS:
            assert time.monotonic() < end, "there are no decoders any more"
            list(pool.map(try_once, range(2 * DECODERS)))


def calm(scene: Scene, bound: float = BOUND_SECONDS) -> None:
    """Everything works: one request of each kind gets what it is to get."""
    for ask, allowed in scene.asks.each():
        with closing(http.client.HTTPConnection(*scene.gate.address, timeout=bound)) as connection:
            status, body = converse(connection, ask)
        assert status in ((200, 201) if allowed else (400,)), (ask, status, body)
