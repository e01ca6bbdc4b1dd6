"""`pictrs-filter classify`: what would happen to these pictures, and why. Nothing is stored or sent on.

Verdicts go to standard output, each as soon as it is there; everything else goes to standard error.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from addons.admin import starting
from addons.admin.files import Unreadable, printable, read_file
from addons.fetch.reading import Fetched, NotModified
from addons.fetch.remote import FetchError, RemoteFetcher
from addons.inspection import Judging
from addons.lists.shelf import ListError
from config.load import Config
from model.errors import JudgeError, ModelError
from model.verdict import Outcome, Verdict

SECONDS_PER_PICTURE = 60.0
"""Deadline for one picture, in seconds: an administrator waits longer than a client does, but not for ever."""


StartJudge = Callable[[Config], Awaitable[Judging]]


async def classify(
    config: Config,
    pictures: Sequence[str],
    *,
    as_json: bool,
    start_judge: StartJudge | None = None,
) -> int:
    """Judge each file or address and print the result. Gives the exit code: 1 when one of them could not be read."""
    models = ", ".join(spec.timm for spec in config.policy.models.values())
    print(f"loading {models} (configuration: {config.path}) ...", file=sys.stderr, flush=True)
    try:
        judge = await (start_judge or starting.start_judge)(config)
    except (ModelError, JudgeError, ListError) as error:
        print(f"pictrs-filter: {error}", file=sys.stderr)
        return 1
    fetcher = RemoteFetcher(config.settings.fetch, config.settings.limits.max_file_bytes)
    shown = _as_json if as_json else _as_text
    failed = 0
    try:
        for picture in pictures:
            try:
                data = await read(picture, fetcher, config.settings.limits.max_file_bytes)
            except Unreadable as error:
                failed += 1
                print(f"{printable(picture)}: cannot be read: {error}", file=sys.stderr)
                continue
            deadline = time.monotonic() + SECONDS_PER_PICTURE
            file = await judge.normalised(data, deadline)
            verdict = file if isinstance(file, Verdict) else await judge.judge(file, deadline)
            print(shown(picture, verdict, config.settings.deadline_seconds), flush=True)
    finally:
        await fetcher.close()
        await judge.close()
    return 1 if failed else 0


async def read(picture: str, fetcher: RemoteFetcher, most: int) -> bytes:
    """The bytes of a file or of what is at an address. Raises Unreadable."""
    if "://" not in picture:
        return read_file(Path(picture), most)
    try:
        answer = await fetcher.fetch(picture, time.monotonic() + SECONDS_PER_PICTURE)
    except FetchError as error:
        raise Unreadable(error.public + (f" ({error.reason})" if error.reason != error.public else "")) from error
    match answer:
        case Fetched(data=data):
            return data
        case NotModified():
            raise Unreadable("it answered that nothing has changed, which was not asked")


def _as_text(picture: str, verdict: Verdict, deadline_seconds: float) -> str:
    lines = [f"{printable(picture)}: {outcome(verdict)}"]
    lines += [f"    {name:<20} {score:.4f}" for name, score in verdict.scores.items()]
    lines += [f"    {name + ', in a part':<20} {score:.4f}" for name, score in verdict.in_part.items()]
    views = "1 view" if verdict.views == 1 else f"{verdict.views} views"
    if verdict.sampled:
        views += f" of {verdict.sampled} pictures in it"
    took = ", ".join(f"{stage} {ms:.0f} ms" for stage, ms in verdict.stage_ms.items())
    lines.append(f"    {verdict.media or 'unknown format'}, {verdict.size} bytes, {views}; {took}")
    if sum(verdict.stage_ms.values()) > deadline_seconds * 1000:
        lines.append(
            f"    note: this took longer than deadline_seconds ({deadline_seconds:g}); then failure.deadline holds"
        )
    return "\n".join(lines)


def outcome(verdict: Verdict) -> str:
    """What would happen to it, in words."""
    passes = verdict.outcome is Outcome.PASS
    if verdict.cause is not None:
        word = "passes, although it was not judged" if passes else "refused, could not be judged"
        return f"{word}: {verdict.detail} (failure.{verdict.cause})"
    if verdict.rule is None:
        return "passes, no rule fires"
    word = "rejected by"
    if passes:
        word = "passes, logged by" if verdict.strict is Outcome.PASS else "passes in shadow mode, else rejected by"
    return f"{word} rule {verdict.rule}" + (f": {verdict.detail}" if verdict.detail else "")


def _as_json(picture: str, verdict: Verdict, deadline_seconds: float) -> str:
    return json.dumps(
        {
            "picture": picture,
            "outcome": verdict.outcome,
            "strict": verdict.strict,
            "rule": verdict.rule,
            "cause": verdict.cause,
            "why": verdict.detail,
            "scores": verdict.scores,
            "in_part": verdict.in_part,
            "type": verdict.media,
            "bytes": verdict.size,
            "views": verdict.views,
            "sampled": verdict.sampled,
            "sha256": verdict.sha256,
            "ms": verdict.stage_ms,
        }
    )
