"""Check `model`: are the policy's models here, are they the ones that were pinned, and how soon is a picture judged?

It happens in a process of its own, which asks nobody but this machine (the hub's cache is enough, and nothing is
downloaded), and whose memory is free again when it ends. The filter's own parts judge an ordinary picture there.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from addons.admin.bench.advice import ROOM
from addons.admin.bench.report import LEMMY_SECONDS
from addons.admin.bench.subject import write
from addons.doctor.finding import Finding, Severity
from addons.doctor.lines import Lines
from addons.doctor.patient import Patient
from addons.doctor.words import told
from config.load import PREFIX, Config

NAME = "model"
TRIAL_SECONDS = 80.0
"""For imports, models and pictures: 12 s for the embedded model on two cores, 30 with other work beside it."""
LAST_WORDS = 300
"""Characters of what a trial that ended early said last."""
OFFLINE = {"HF_HUB_OFFLINE": "1"}
"""huggingface.co/docs/huggingface_hub, environment variables: nothing is asked of the hub."""
SHOWN = 16
"""Hex digits of a SHA-256: enough to compare with what `pictrs-filter models pin` wrote."""
UNJUDGED = "The filter does not judge without it: every upload is answered 503."

_ROOT = str(Path(__file__).resolve().parents[2])
_COMMAND = (
    sys.executable,
    "-c",
    "import sys; sys.argv[1] in sys.path or sys.path.insert(0, sys.argv[1]); "
    "from addons.doctor.trial import main; main(sys.argv[2])",
    _ROOT,
)


class TrialError(Exception):
    """The trial ended without a result; the message says why."""


async def model(patient: Patient) -> list[Finding]:
    """Whether each model can be had from this machine, and how long it takes to judge an ordinary picture."""
    if patient.quick:
        return [Finding(NAME, Severity.NOTE, "the models were not loaded, as --quick says")]
    try:
        said = await _trial(patient.config)
    except TrialError as error:
        cure = "run `pictrs-filter bench`, whose log says more; is there memory enough (check `memory`)?"
        return [Finding(NAME, Severity.ERROR, f"the models could not be tried: {error}", UNJUDGED, cure)]
    faults = [*_faults(patient.config, said)]
    return faults or [rated(patient.config, said)]


async def _trial(config: Config) -> dict[str, Any]:
    """What the other process says. Raises TrialError."""
    with tempfile.TemporaryDirectory(prefix="pictrs-filter-doctor-") as folder:
        file = Path(folder) / "filter.yaml"
        write(config, file)
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            str(file),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith(PREFIX)} | OFFLINE,
            start_new_session=True,  # Ctrl-C in a terminal is for the parent, which then ends it
        )
        try:
            async with asyncio.timeout(TRIAL_SECONDS):
                answer, errors = await process.communicate()
        except TimeoutError:
            raise TrialError(f"they were not ready within {TRIAL_SECONDS:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    try:
        said: dict[str, Any] = json.loads(answer)
    except ValueError:
        last = errors.decode(errors="replace").strip()[-LAST_WORDS:] or "it said nothing"
        raise TrialError(f"a process that loads them ended with {process.returncode}: {last}") from None
    return said


def _faults(config: Config, said: dict[str, Any]) -> Iterator[Finding]:
    lines = Lines(config)
    for name, fault in said["faults"].items():
        what, way = told(Exception(fault))
        place = lines.place("models", name) if name else str(config.path)
        begins = f"{place}: models.{name}: " if name else f"{place}: "
        if name in said["absent"]:
            why = "At its start the filter loads it from the hub, and answers 503 to every upload until it is here."
            cure = f"let this machine reach the hub once: `pictrs-filter models pin --config {config.path}`; or {way}"
            yield Finding(NAME, Severity.WARNING, f"{begins}its weights are not on this machine", why, cure)
        else:
            yield Finding(NAME, Severity.ERROR, f"{begins}{what}", UNJUDGED, f"{place}: {way}" if way else place)


def rated(config: Config, said: Mapping[str, Any]) -> Finding:
    """What the time of an ordinary picture means; `said` has its `seconds`, `views` and `device`, and the `weights`."""
    lines = Lines(config)
    seconds, views, deadline = said["seconds"], said["views"], config.settings.deadline_seconds
    weights = ", ".join(f"{name} {sha256[:SHOWN]}" for name, sha256 in said["weights"].items())
    what = (
        f"an ordinary picture takes {seconds:.2f} s, {views} views of it, on {said['device']} "
        f"(deadline_seconds {deadline:g}; Lemmy waits {LEMMY_SECONDS:g} s); SHA-256 of the weights: {weights}"
    )
    limit = min(deadline, LEMMY_SECONDS)
    fewer = lines.change("views", "tiles", to="false")
    cure = f"{fewer} (1 view in place of {views}), or use a GPU or a smaller model; `pictrs-filter bench` tells more"
    if seconds >= limit:
        return Finding(NAME, Severity.ERROR, what, "Ordinary uploads get no verdict in time, and are refused.", cure)
    if seconds > ROOM * limit:
        why = "That is more than half of the time: two uploads at once, or an animation, are refused."
        return Finding(NAME, Severity.WARNING, what, why, cure)
    return Finding(NAME, Severity.OK, what)
