"""What the filter still recognises when a picture is changed or hidden: `make bench-recall`, or
`python -m tests.bench.recall --help`.

The forbidden class is cats, the model an innocent stand-in (tests/imagenet.py); files go through the real judge, from
bytes to verdict. The stand-in's recall is its own: the table shows how much of it each change of the file costs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from config.load import Config, load, policy_hash
from config.policy import PolicySpec
from model.errors import ModelError
from model.judge import Judge
from tests.bench import photos, report
from tests.bench.photos import Photo
from tests.bench.recalled import README, Recall, read, rewrite, text, written
from tests.bench.rows import Found, Row, Seen, seen
from tests.bench.transformations import TRANSFORMATIONS, Transformation
from tests.imagenet import FELINE_LABELS, make_local_dir
from tests.running import repository

EPILOG = """\
stays refused    of the cats that are refused as an ordinary PNG, those that are still refused for what is seen of them
wrongly refused  of the pictures without a cat that pass as an ordinary PNG, those that are refused now
not judged       files that are refused for another reason: too large, say, or too many views
views            the mean number of views that the model looked at
decode, classify mean milliseconds, in the judge, on this machine

Takes about 20 minutes on two cores that do nothing else; --quick, with whole photographs only, less than half. Progress
goes to standard error.
Formats that are not judged are left out.

Exit codes: 0 measured, 1 something failed, 2 the command line is wrong.
"""

SIGNAL = "forbidden"
AT_LEAST = 0.5
"""The sum of the cats' labels from which on a picture is refused."""
PATIENCE_SECONDS = 600.0
"""For one file: the table is about what is seen, not about being in time."""
HEAVY_ORDINARY = 6
"""Ordinary pictures of which a heavy transformation is made; of the cats, the whole photographs."""


def policy(labels: Sequence[str]) -> PolicySpec:
    """The stand-in model, and a rule that refuses what it takes for one of these labels."""
    return PolicySpec.model_validate(
        {
            "models": {"imagenet": {"timm": f"local-dir:{make_local_dir()}"}},
            "signals": {SIGNAL: {"model": "imagenet", "sum_labels": list(labels)}},
            "rules": [
                {
                    "name": "no-cats",
                    "when": {"signal": SIGNAL, "at_least": AT_LEAST, "in_part": AT_LEAST},
                    "action": "reject",
                }
            ],
        }
    )


def config(labels: Sequence[str]) -> Config:
    """The shipped settings with that policy."""
    found = policy(labels)
    return replace(load(env={}), policy=found, hash=policy_hash(found))


async def measure(
    chosen: Sequence[Transformation], cats: Sequence[Photo], ordinary: Sequence[Photo], labels: Sequence[str]
) -> list[Row]:
    """Judge each photograph in each of the transformations whose format is judged."""
    judge = await Judge.start(config(labels))
    started = time.monotonic()
    hosts = [one for one in photos.ordinary() if one.name in photos.HOSTS]
    rows: list[Row] = []
    try:
        for what in chosen:
            if not what.media.judged:
                _say(started, f"{what.name}: {what.media.name} is not judged, left out")
                continue
            some = [one for one in cats if one.whole] if what.heavy else cats
            others = ordinary[:HEAVY_ORDINARY] if what.heavy else ordinary
            row = Row(
                what.name, what.group, await _all(judge, what, some, hosts), await _all(judge, what, others, hosts)
            )
            refused = sum(one.found is Found.REFUSED for one in row.cats)
            _say(started, f"{what.name}: {refused} of {len(row.cats)} cats refused")
            rows.append(row)
    finally:
        await judge.close()
    return rows


async def _all(judge: Judge, what: Transformation, some: Sequence[Photo], hosts: Sequence[Photo]) -> list[Seen]:
    found = []
    for number, one in enumerate(some):
        host = next(each for each in [*hosts[number % len(hosts) :], *hosts] if each.name != one.name)
        verdict = await judge.judge(what.make(one.file, host.file), time.monotonic() + PATIENCE_SECONDS)
        found.append(seen(one.name, verdict, SIGNAL))
    return found


def _say(started: float, step: str) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {step}", file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar, with help that teaches."""
    made = argparse.ArgumentParser(
        prog="python -m tests.bench.recall",
        description="Measure how much of what is refused stays refused when the file is changed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    folder = repository() / "bench-results"
    made.add_argument(
        "--only", metavar="WORD", help="only the transformations with this in their name, and the plain one"
    )
    made.add_argument("--quick", action="store_true", help="whole photographs only, and six ordinary ones")
    made.add_argument("--json", action="store_true", help="print all figures as JSON, not the table")
    made.add_argument("--readme", action="store_true", help="write the table into the README as well")
    made.add_argument("--from", dest="source", type=Path, metavar="FILE", help="measure nothing, take a JSON file")
    made.add_argument(
        "--photos", type=Path, default=folder / "photos", metavar="FOLDER", help="has the packages (%(default)s)"
    )
    made.add_argument(
        "--out", type=Path, default=folder, metavar="FOLDER", help="for JSON and Markdown (default: %(default)s)"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write. Gives the exit code."""
    options = parser().parse_args(arguments)
    try:
        found = read(options.source) if options.source else _measured(options.photos, options.quick, options.only)
        if not options.source:
            print(f"written to {written(found, options.out)}", file=sys.stderr)
        if options.readme:
            README.write_text(rewrite(README.read_text(encoding="utf-8"), text(found)), encoding="utf-8")
    except KeyboardInterrupt:
        print("bench-recall: interrupted; nothing is written", file=sys.stderr)
        return 130
    except (ModelError, OSError, ValueError) as error:
        print(f"bench-recall: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(found), indent=1) if options.json else text(found))
    return 0


def _measured(folder: Path, quick: bool, only: str | None) -> Recall:
    started, load_before = report.now(), report.load()
    cats, ordinary = photos.cats(folder), photos.ordinary()
    if quick:
        cats, ordinary = [one for one in cats if one.whole], ordinary[:HEAVY_ORDINARY]
    plain, *others = TRANSFORMATIONS
    chosen = [plain, *(what for what in others if only is None or only.lower() in what.name.lower())]
    rows = asyncio.run(measure(chosen, cats, ordinary, FELINE_LABELS))
    machine, versions = report.machine(load_before), report.versions()
    return Recall(started, report.commit(), machine, versions, FELINE_LABELS, AT_LEAST, rows)


if __name__ == "__main__":
    sys.exit(main())
