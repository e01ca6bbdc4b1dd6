"""`pictrs-filter explain`: every signal of a picture, and every condition of every rule, true or false, as a tree."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from typing import Any, Protocol

from addons.admin import starting
from addons.admin.classify import SECONDS_PER_PICTURE, outcome, read
from addons.admin.files import Unreadable, printable
from addons.fetch.remote import RemoteFetcher
from addons.lists.shelf import ListError
from config.load import Config
from config.policy import Origin
from model.errors import JudgeError, ModelError
from model.verdict import Verdict

MARKS = {True: "yes", False: "no ", None: " ? "}
"""How a condition is marked: it holds, it does not, or a score that it needs is not there."""


class Explaining(Protocol):
    """What is needed of model.judge.Judge."""

    async def explain(self, data: bytes, deadline: float, origin: Origin | None = None) -> tuple[Verdict, Any]:
        """Judge one file, and say all that was looked at (model.judge.Looked), or None."""
        ...

    async def normalised(self, data: bytes, deadline: float) -> bytes | Verdict:
        """The file to judge in place of `data`."""
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...


StartJudge = Callable[[Config], Awaitable[Explaining]]


async def explain(
    config: Config,
    picture: str,
    *,
    origin: Origin | None = None,
    as_json: bool = False,
    start_judge: StartJudge | None = None,
) -> int:
    """Judge a file or address with every model and print why it fares as it does. Gives the exit code."""
    models = ", ".join(spec.timm for spec in config.policy.models.values())
    most = config.settings.limits.max_file_bytes
    fetcher = RemoteFetcher(config.settings.fetch, most)
    try:
        data = await read(picture, fetcher, most)
    except Unreadable as error:
        print(f"{printable(picture)}: cannot be read: {error}", file=sys.stderr)
        return 1
    finally:
        await fetcher.close()
    print(f"loading {models} (configuration: {config.path}) ...", file=sys.stderr, flush=True)
    try:
        judge = await (start_judge or starting.start_judge)(config)
    except (ModelError, JudgeError, ListError) as error:
        print(f"pictrs-filter: {error}", file=sys.stderr)
        return 1
    try:
        deadline = time.monotonic() + SECONDS_PER_PICTURE
        file = await judge.normalised(data, deadline)
        verdict, looked = (file, None) if isinstance(file, Verdict) else await judge.explain(file, deadline, origin)
        reasons = [] if looked is None else list(_reasons(config, looked))
    finally:
        await judge.close()
    if as_json:
        print(_as_json(picture, verdict, looked, reasons))
    else:
        print("\n".join([f"{printable(picture)}: {outcome(verdict)}", *_signals(verdict), *_rules(verdict, reasons)]))
    return 0


def _reasons(config: Config, looked: Any) -> Iterator[Any]:
    from model.explain import reasons  # numpy and all, which `--help` has no use for

    return reasons(config.policy, looked.rules, looked.seen)


def _signals(verdict: Verdict) -> Iterator[str]:
    """Every signal: its highest score over whole pictures, and over parts of them."""
    if verdict.scores or verdict.in_part:
        yield f"  {'signal':<24} {'whole':>7} {'part':>7}"
    for name in dict.fromkeys([*verdict.scores, *verdict.in_part]):
        scores = [f"{of[name]:.4f}" if name in of else "-" for of in (verdict.scores, verdict.in_part)]
        yield f"  {name:<24} {scores[0]:>7} {scores[1]:>7}"
    if not verdict.views:
        yield "  no model has looked at it"


def _rules(verdict: Verdict, reasons: list[Any]) -> Iterator[str]:
    for reason in reasons:
        notes = [str(reason.action or "only a name")]
        notes += ["in shadow mode"] if reason.shadow else []
        notes += ["does not count here"] if reason.action is not None and not reason.counts else []
        where = ""
        if reason.view is not None:
            place = "a part of a picture" if reason.in_part else "a whole picture"
            where = (
                f" ({'at' if reason.tree.holds else 'nearest is'} view {reason.view + 1} of {verdict.views}, {place})"
            )
        yield f"  rule {reason.rule} ({', '.join(notes)}): {MARKS[reason.tree.holds].strip()}{where}"
        yield from _tree(reason.tree, 2)


def _tree(node: Any, depth: int) -> Iterator[str]:
    yield f"{'  ' * depth}{MARKS[node.holds]} {node.text}{':' if node.inner else ''}"
    for inner in node.inner:
        yield from _tree(inner, depth + 1)


def _as_json(picture: str, verdict: Verdict, looked: Any, reasons: list[Any]) -> str:
    return json.dumps(
        {
            "picture": picture,
            "outcome": verdict.outcome,
            "strict": verdict.strict,
            "rule": verdict.rule,
            "cause": verdict.cause,
            "why": verdict.detail,
            "scores": dict(verdict.scores),
            "in_part": dict(verdict.in_part),
            "views": [] if looked is None else looked.seen.by_view,
            "parts": 0 if looked is None else looked.seen.parts,
            "sha256": verdict.sha256,
            "pdq": verdict.pdq,
            "rules": [asdict(reason) for reason in reasons],
        }
    )
