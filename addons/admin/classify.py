"""`pictrs-filter classify`: what would happen to these pictures, and why. Nothing is stored or sent on."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from addons.fetch.remote import FetchError, RemoteFetcher
from config.load import Config
from model.judge import Judge
from model.verdict import Verdict
from model.weights import ModelError

SECONDS_PER_PICTURE = 60.0
"""Deadline for one picture, in seconds: an administrator waits longer than a client does, but not for ever."""


async def classify(config: Config, pictures: Sequence[str], *, as_json: bool) -> int:
    """Judge each file or address and print the result. Gives the exit code: 1 when one of them could not be read."""
    try:
        judge = await Judge.start(config)
    except ModelError as error:
        print(f"pictrs-filter: {error}", file=sys.stderr)
        return 1
    fetcher = RemoteFetcher(config.settings.fetch, config.settings.limits.max_file_bytes)
    failed = 0
    try:
        for picture in pictures:
            try:
                data = await _read(picture, fetcher)
            except (OSError, FetchError) as error:
                failed += 1
                print(f"{picture}: cannot be read: {error}", file=sys.stderr)
                continue
            verdict = await judge.judge(data, time.monotonic() + SECONDS_PER_PICTURE)
            print(_as_json(picture, verdict) if as_json else _as_text(picture, verdict))
    finally:
        await fetcher.close()
        await judge.close()
    return 1 if failed else 0


async def _read(picture: str, fetcher: RemoteFetcher) -> bytes:
    if picture.startswith(("http://", "https://")):
        return await fetcher.fetch(picture, time.monotonic() + SECONDS_PER_PICTURE)
    return await asyncio.to_thread(Path(picture).read_bytes)


def _as_text(picture: str, verdict: Verdict) -> str:
    lines = [f"{picture}: {_outcome(verdict)}"]
    lines += [f"    {name:<20} {score:.4f}" for name, score in verdict.scores.items()]
    took = ", ".join(f"{stage} {ms:.0f} ms" for stage, ms in verdict.stage_ms.items())
    lines.append(f"    {verdict.media or 'unknown format'}, {verdict.size} bytes, {verdict.views} views; {took}")
    return "\n".join(lines)


def _outcome(verdict: Verdict) -> str:
    if verdict.cause is not None:
        return f"not judged ({verdict.cause}): {verdict.detail}"
    if verdict.rule is None:
        return "passes, no rule fires"
    word = {"reject": "rejected by", "pass": "passes; logged by"}[verdict.strict]
    shadow = "" if verdict.outcome is verdict.strict else " (but passes, the mode is shadow)"
    return f"{word} rule {verdict.rule}{shadow}" + (f": {verdict.detail}" if verdict.detail else "")


def _as_json(picture: str, verdict: Verdict) -> str:
    return json.dumps(
        {
            "picture": picture,
            "outcome": verdict.outcome,
            "strict": verdict.strict,
            "rule": verdict.rule,
            "cause": verdict.cause,
            "why": verdict.detail,
            "scores": verdict.scores,
            "type": verdict.media,
            "bytes": verdict.size,
            "views": verdict.views,
            "sha256": verdict.sha256,
            "ms": verdict.stage_ms,
        },
        ensure_ascii=False,
    )
