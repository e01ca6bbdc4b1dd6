"""What a judge is made of, started: models on each device, threads as they should be, decoders, and no rest of it."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from config.load import load
from config.policy import PolicySpec
from model import choice, parts, weights
from model.batcher import Batcher
from model.errors import ClassifierFailed, DecoderFailed, ModelError
from model.judge import Judge
from model.onnxengine import NICE
from model.parts import start_parts
from model.verdict import Outcome
from tests.imagenet import make_local_dir
from tests.model.test_judge import JPEG, LABELS, FakeDecoder, ask, config, found_in


async def test_a_label_that_the_model_lacks_is_told_at_start() -> None:
    policy = {
        "models": {"imagenet": {"timm": f"local-dir:{make_local_dir()}"}},
        "signals": {"cat": {"model": "imagenet", "sum_labels": ["tabby", "unicorn"]}},
        "rules": [{"name": "no-cats", "when": {"signal": "cat", "at_least": 0.5}, "action": "reject"}],
    }
    wrong = replace(config(), policy=PolicySpec.model_validate(policy))
    with pytest.raises(ModelError, match="signal 'cat': model 'imagenet' has no label 'unicorn'; it has: "):
        await Judge.start(wrong)


async def test_models_are_warm_leave_a_core_free_and_stand_back(monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[weights.LoadedModel] = []
    ran: list[tuple[int, int]] = []
    before = torch.get_num_threads()
    nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    plain_forward = weights.LoadedModel.forward

    def forward(model: weights.LoadedModel, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        ran.append((torch.get_num_threads(), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
        return plain_forward(model, views)

    monkeypatch.setattr(weights.LoadedModel, "warm_up", lambda model: warmed.append(model))
    monkeypatch.setattr(weights.LoadedModel, "forward", forward)
    monkeypatch.setattr(choice, "cores", lambda: 4)
    running = await Judge.start(config())
    try:
        torch.set_num_threads(1)  # a thread that has not asked for another number gets this one
        assert (await ask(running)).outcome is Outcome.PASS
    finally:
        await running.close()
        torch.set_num_threads(before)
    assert len(warmed) == 1
    assert set(ran) == {(3, max(nice, NICE))}


async def test_a_device_has_as_many_lanes_as_all_its_models_bear(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool(FakeDecoder):
        async def start(self) -> None:
            pass

    def device(**lanes: int) -> dict[str, Any]:
        labels = LABELS["nsfw"]
        return {
            name: SimpleNamespace(lanes=each, batch=4, labels=labels, device="fake", view=None)
            for name, each in lanes.items()
        }

    devices = [device(nsfw=3, other=2), device(nsfw=1, other=2)]
    monkeypatch.setattr(parts, "_load", lambda _: devices)
    monkeypatch.setattr(parts, "DecoderPool", lambda *_: Pool())
    started = await start_parts(config())
    await started.close()
    assert isinstance(started.backend, Batcher)
    assert [each.lanes for each in started.backend._devices] == [2, 1]


async def test_parts_are_there_for_others_too() -> None:
    parts = await start_parts(load(env={}))
    try:
        views = await parts.decoder.decode(JPEG, found_in(JPEG), time.monotonic() + 30)
        scores = await parts.backend.classify("nsfw", views.arrays[0], time.monotonic() + 30)
    finally:
        await parts.close()
    assert parts.labels == LABELS
    assert scores.shape == (13, 2)
    with pytest.raises(DecoderFailed):
        await parts.decoder.decode(JPEG, found_in(JPEG), time.monotonic() + 30)
    with pytest.raises(ClassifierFailed, match="closed"):
        await parts.backend.classify("nsfw", views.arrays[0], time.monotonic() + 30)


class Stopped(FakeDecoder):
    """Decoders that cannot be started."""

    closed = False

    async def start(self) -> None:
        raise DecoderFailed("no decoder process can be started")

    async def close(self) -> None:
        self.closed = True


async def test_where_decoders_cannot_start_the_models_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Stopped()
    before = {thread.ident for thread in threading.enumerate()}
    monkeypatch.setattr(parts, "DecoderPool", lambda *_: pool)
    with pytest.raises(DecoderFailed, match="no decoder process"):
        await start_parts(config())
    assert pool.closed
    left = [thread.name for thread in threading.enumerate() if thread.ident not in before]
    assert not any(name.startswith("classifier") for name in left)


@pytest.mark.parametrize(
    ("device", "broken", "used"),
    [
        ("auto", {"cuda:0"}, ["cuda:1"]),
        ("auto", set(), ["cuda:0", "cuda:1"]),
        ("auto", {"cuda:0", "cuda:1"}, None),
        ("cuda", {"cuda:1"}, None),
    ],
)
def test_a_device_on_which_the_model_does_not_run(
    device: str, broken: set[str], used: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def onto(place: str, _: object) -> dict[str, Any]:
        if place in broken:
            raise ModelError(f"the model does not run on {place}")
        return {"m": place}

    monkeypatch.setattr(weights, "resolve_devices", lambda _: ["cuda:0", "cuda:1"])
    monkeypatch.setattr(parts, "_load_onto", onto)
    given = config(device=device)
    if used is None:
        with pytest.raises(ModelError, match="does not run on cuda:1"):
            parts._load(given)
    else:
        loaded: list[Any] = list(parts._load(given))
        assert loaded == [{"m": place} for place in used]
