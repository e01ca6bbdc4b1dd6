"""`pictrs-filter calibrate`: how often innocent pictures would be refused, and the threshold for a rate.

Figures and the names of the worst files go to standard output, everything else to standard error; the page has no names
of files. Scores are kept as they come, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from addons.admin.calibrate import logged, text
from addons.admin.calibrate.calibration import CalibrateError, Calibration, as_object, check, of_signals
from addons.admin.calibrate.folder import files_in
from addons.admin.calibrate.logged import Log
from addons.admin.calibrate.page import page
from addons.admin.calibrate.scorer import ONE_MORE, Scan, Scorer
from addons.admin.calibrate.scores import Scored, Scores, ScoresError, path_for, pipeline
from addons.admin.calibrate.words import advice, skipped
from addons.admin.files import Unreadable, printable
from addons.inspection import Judging
from config.load import Config
from config.settings import Mode
from model.errors import JudgeError, ModelError

StartJudge = Callable[[Config], Awaitable[Judging]]
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Asked:
    """What the command line says. `target` is a rate of 0..1, `show` how many of the worst files are named."""

    target: float
    show: int = 10
    report: Path | None = None
    as_json: bool = False


async def from_folders(
    config: Config, folders: Sequence[Path], asked: Asked, *, fresh: bool = False, start: StartJudge | None = None
) -> int:
    """Score the files in the folders and print what they come to. Gives the exit code: 1 when nothing could be told."""
    # all views are scored, as in shadow mode: no rule ends the looking
    config = replace(config, settings=config.settings.model_copy(update={"mode": Mode.SHADOW}))
    try:
        check(config)
        paths = files_in(folders)
        if not paths:
            raise CalibrateError("there are no files in what you named")
        _check_page(asked.report)
        with Scores(path_for(config), pipeline(config), fresh=fresh) as scores:
            scan = await _scan(config, paths, scores, start or _start_judge)
        source = f"pictures in {', '.join(printable(str(folder)) for folder in folders)}"
        scored = [one for _, one in scan.scored]
        _show(_calibration(config, source, scored, asked, scan.files, scan.skipped), asked, scan)
    except (CalibrateError, ScoresError, Unreadable, JudgeError, ModelError) as error:
        print(f"pictrs-filter: {error}", file=sys.stderr)
        return 1
    return 0


def from_log(config: Config, log: Log, since_seconds: float, asked: Asked) -> int:
    """The same with the scores that the log has of the last seconds. Raises what the log raises."""
    try:
        check(config)
        _check_page(asked.report)
        found = logged.read(log, time.time() - since_seconds)
        source = f"verdicts of the last {since_seconds / DAY_SECONDS:.3g} days"
        _show(_calibration(config, source, found.scored, asked, found.rows, found.skipped, found.notes), asked)
    except CalibrateError as error:
        print(f"pictrs-filter: {error}", file=sys.stderr)
        return 1
    return 0


async def _scan(config: Config, paths: Sequence[Path], scores: Scores, start: StartJudge) -> Scan:
    models = ", ".join(spec.timm for spec in config.policy.models.values())
    print(f"loading {models} (configuration: {config.path}) ...", file=sys.stderr, flush=True)
    if len(scores):
        print(f"going on: {len(scores)} files are known from before ({scores.path})", file=sys.stderr, flush=True)
    judge = await start(config)
    try:
        at_once = config.settings.decoder.processes + ONE_MORE
        scorer = Scorer(judge, scores, most=config.settings.limits.max_file_bytes, at_once=at_once)
        return await scorer.scan(paths)
    except asyncio.CancelledError:
        print(f"interrupted; {len(scores)} files are scored, run it again to go on", file=sys.stderr)
        raise
    finally:
        await judge.close()


def _calibration(
    config: Config,
    source: str,
    scored: Sequence[Scored],
    asked: Asked,
    files: int,
    without: Mapping[str, int],
    notes: tuple[str, ...] = (),
) -> Calibration:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    signals = of_signals(config, scored, asked.target)
    found = Calibration(now, str(config.path), config.hash, source, files, without, signals, notes)
    if not signals:
        raise CalibrateError(f"none of {files} files has a score ({skipped(found) or 'there are none'})")
    return found


def _show(found: Calibration, asked: Asked, scan: Scan | None = None) -> None:
    worst = {one.name: scan.worst(one.name, asked.show) for one in found.signals} if scan and asked.show else {}
    if asked.report is not None:
        asked.report.write_text(page(found), encoding="utf-8")
    if asked.as_json:
        named = {signal: [_named(signal, *one) for one in files] for signal, files in worst.items()}
        words = {signal.name: advice(signal) for signal in found.signals}
        print(json.dumps(as_object(found) | {"advice": words, "worst": named}), flush=True)
        return
    print("\n\n".join([text.text(found), *(text.worst(signal, files) for signal, files in worst.items())]), flush=True)
    if asked.report is not None:
        print(f"\nthe report is in {printable(str(asked.report))}; it names no file", file=sys.stderr)


def _named(signal: str, path: Path, scored: Scored) -> dict[str, Any]:
    return {"file": str(path), "whole": scored.scores.get(signal), "in_part": scored.in_part.get(signal)}


async def _start_judge(config: Config) -> Judging:
    start = await asyncio.to_thread(_judge)
    return await start(config)


def _judge() -> StartJudge:
    from model.judge import Judge  # brings torch, which takes seconds: only once they are announced

    return Judge.start


def _check_page(path: Path | None) -> None:
    """Raises CalibrateError where no page can be written: better before hours of work than after them."""
    if path is not None and (path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK)):
        raise CalibrateError(f"{printable(str(path))} cannot be written: name a file in a folder that is yours")
