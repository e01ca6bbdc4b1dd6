"""The other process of check `model`: loads a configuration's models, judges drawn pictures, and says how it went.

It says one JSON object: `faults` (name of a model, or '' for all of them -> what is wrong), `absent` (names of models
whose weights are not on this machine), and, where there are no faults, `weights` (name of a model -> SHA-256),
`device`, `views` and `seconds` of one picture.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from config.consistency import OPEN_NSFW
from config.load import Config, load

PICTURES = 3
"""Pictures that are timed, one after another, after one that is not: the first one pays for what is set up then."""
PATIENCE_SECONDS = 60.0
"""Deadline of each, so that what is too slow is told with its time."""


def main(file: str) -> None:
    """Say what is known of the models in that configuration, on standard output. Ends the process."""
    logging.basicConfig(format="%(message)s", level="ERROR", stream=sys.stderr)
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no part of it
    json.dump(asyncio.run(trial(load(Path(file), env={}))), answer)
    answer.close()
    os._exit(0)  # Python would first take torch apart, which takes seconds and is of no use


async def trial(config: Config) -> dict[str, Any]:
    """The object that is said."""
    faults, absent, weights = await asyncio.to_thread(_located, config)
    if faults:
        return {"faults": faults, "absent": absent}
    from model.errors import JudgeError, ModelError
    from model.judge import Judge
    from model.photograph import UPLOAD

    try:
        judge = await Judge.start(config)
    except (ModelError, JudgeError) as error:
        return {"faults": {"": str(error)}, "absent": []}
    try:
        seconds = []
        for seed in range(PICTURES + 1):
            data = UPLOAD.draw(seed)
            began = time.monotonic()
            verdict = await judge.judge(data, began + PATIENCE_SECONDS)
            seconds.append(time.monotonic() - began)
            if verdict.cause is not None:
                return {"faults": {"": f"a picture was not judged: {verdict.detail}"}, "absent": []}
        found = {"weights": weights, "device": judge.device, "views": verdict.views, "seconds": median(seconds[1:])}
        return {"faults": {}, "absent": [], **found}
    finally:
        await judge.close()


def _located(config: Config) -> tuple[dict[str, str], list[str], dict[str, str]]:
    """What is wrong with the files of each model, before any is loaded; which are not here; the SHA-256 of the others.

    Of the embedded one it is what it is loaded with, or not at all.
    """
    from model import sources
    from model.errors import ModelError
    from model.opennsfw import WEIGHTS_SHA256

    faults: dict[str, str] = {}
    absent: list[str] = []
    known: dict[str, str] = {}
    for name, spec in config.policy.models.items():
        if spec.timm == OPEN_NSFW:
            known[name] = WEIGHTS_SHA256
            continue
        try:
            _, weights = sources.locate(spec)
            sources.verify(spec, weights)
            known[name] = spec.sha256 or sources.digest(spec, weights)
        except ModelError as error:
            faults[name] = str(error)
            if sources.UNREACHABLE in str(error):
                absent.append(name)
    return faults, absent, known
