"""Spoilt files for the decoder, for an hour or as long as one likes: `make fuzz TARGET=decode`, with FILES or SECONDS.

Whatever a file is, `decode` gives views that its plan allows, or raises one of the three errors that are the file's
fault; within a time; and the same again the second time. It runs in a process that is forked for a batch of files and
has a decoder's limits of memory, so that a crash is seen and belongs to one file. What violates this is stored with
the name of its format: `python -m tests.fuzz.decode FILE` runs it again. Files that are accepted are spoilt further.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np

from config.media import Limits
from model import decoder
from model.confine import limit
from model.decode import decode
from model.errors import JudgeError, TooLarge, Undecodable, Unsupported
from model.formats.sniff import sniff
from model.magnified import magnified_size
from model.plan import Plan
from model.preprocess import Views, ViewSpec
from tests.fuzz.spoil import seeds, spoil

AN_HOUR = 3600.0
BATCH = 200
"""Files for one process."""
MOST_FILE_SECONDS = 8.0
"""Processor time for one of the files, which have a few KB; the deadline of the settings."""
SLOW_SECONDS = 1.0
"""Processor time from which a file is spoken of."""
MEMORY_BYTES = 2048 * 1024 * 1024
MOST_KEPT = 300
"""Accepted files of one format that are spoilt further."""
SAY_SECONDS = 10.0
FOUND = Path("bench-results/fuzz-decode")
"""Where findings are stored; git ignores it."""
SPECS = (ViewSpec(16, 16, 1.0, "squash", "bilinear"), ViewSpec(8, 12, 0.9, "center", "bicubic"))
LIMITS = Limits(max_side_pixels=2000, max_area_pixels=1_000_000, max_frames=100)
PLAN = Plan(budget=30, video_budget=10, sample=True)


class Wrong(Exception):
    """A property that does not hold."""


def check(data: bytes) -> str:
    """What became of a file, in a word: accepted, or the cause of its refusal. Wrong if a property does not hold."""
    began = time.process_time()
    first = _once(data)
    seconds = time.process_time() - began
    if seconds > MOST_FILE_SECONDS:
        raise Wrong(f"it took {seconds:.1f} seconds")
    if not _same(first, _once(data)):
        raise Wrong("it is not the same the second time")
    if not isinstance(first, Views):
        return first
    _check_views(first, len(data))
    return "accepted"


def _once(data: bytes) -> Views | str:
    media = sniff(data)
    if media is None:
        return "unknown"
    try:
        return decode(data, media, LIMITS, SPECS, PLAN)
    except (Undecodable, Unsupported, TooLarge) as error:
        return error.cause
    except JudgeError as error:
        raise Wrong(f"{type(error).__name__}, which is not the file's fault") from error


def _same(one: Views | str, other: Views | str) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    numbers = [(v.width, v.height, v.frames, v.trailing, v.distinct, v.seen, v.parts) for v in (one, other)]
    arrays, others = (*one.arrays, *one.magnified), (*other.arrays, *other.magnified)
    return numbers[0] == numbers[1] and len(arrays) == len(others) and all(map(np.array_equal, arrays, others))


def _check_views(views: Views, file_bytes: int) -> None:
    count = len(views.arrays[0])
    shapes = [(count, spec.height, spec.width, 3) for spec in SPECS]
    if [array.shape for array in views.arrays] != shapes or any(array.dtype != np.uint8 for array in views.arrays):
        raise Wrong("the views have wrong shapes")
    if not (1 <= count <= PLAN.most and 0 <= views.parts < count and 0 <= views.seen <= views.distinct):
        raise Wrong(f"{count} views, {views.parts} of parts, {views.seen} seen of {views.distinct}")
    larger = len(views.magnified[0]) if views.magnified else 0
    sizes = [(larger, *magnified_size(spec), 3) for spec in SPECS] if views.magnified else []
    if [array.shape for array in views.magnified] != sizes or larger > min(views.parts, PLAN.magnified):
        raise Wrong(f"{larger} magnified parts of {views.parts}")
    if not 0 <= views.trailing < file_bytes:
        raise Wrong(f"{views.trailing} bytes behind the end of {file_bytes}")
    width, height, frames = views.width, views.height, views.frames
    if not (0 < width <= LIMITS.max_side_pixels and 0 < height <= LIMITS.max_side_pixels):
        raise Wrong(f"{width} x {height} pixels")
    if width * height > LIMITS.max_area_pixels or not 1 <= frames <= LIMITS.max_frames:
        raise Wrong(f"{frames} frames of {width} x {height} pixels")


class Fuzzer:
    """One run. `folder` is where findings are stored."""

    def __init__(self, random: Random, folder: Path, say: Callable[[str], None]) -> None:
        self._random = random
        self._folder = folder
        self._say = say
        self._pool = {name: [data] for name, data in seeds().items()}
        self._said = time.monotonic()
        self.files = self.findings = 0
        self.results: dict[str, Counter[str]] = {}

    def run(self, files: int | None, seconds: float | None) -> None:
        """Go on until so many files are tried or seconds are over, whichever comes first."""
        end = None if seconds is None else time.monotonic() + seconds
        while (files is None or self.files < files) and (end is None or time.monotonic() < end):
            batch = [self._next() for _ in range(BATCH if files is None else min(BATCH, files - self.files))]
            while batch:
                batch = batch[self._run(batch) :]
            if time.monotonic() - self._said >= SAY_SECONDS:
                self.report()
        self.report()

    def _next(self) -> tuple[str, bytes]:
        name, other = self._random.choices(list(self._pool), k=2)
        data = self._random.choice((self._pool[name][0], self._random.choice(self._pool[name])))
        return name, spoil(data, self._random, self._pool[other][0])

    def _run(self, batch: Sequence[tuple[str, bytes]]) -> int:
        """Try the files of a batch in one process; how many it was through with, one more if it ended at that."""
        done = 0
        for name, data, (result, seconds) in zip(*zip(*batch, strict=True), _in_a_fork(batch), strict=False):
            done += 1
            self.files += 1
            kind = name.partition("-")[0]
            self.results.setdefault(kind, Counter())[result.partition(":")[0]] += 1
            if result.startswith("finding"):
                self._store(kind, data, result)
            elif seconds > SLOW_SECONDS:
                self._say(f"slow: {seconds:.1f} s, {result}, {self._write(kind, data)}")
            if result == "accepted":
                kept = self._pool[name]
                kept[len(kept) if len(kept) < MOST_KEPT else self._random.randrange(1, MOST_KEPT) :][:1] = [data]
        return done

    def _store(self, kind: str, data: bytes, why: str) -> None:
        self.findings += 1
        self._say(f"{why}\n  stored: {self._write(kind, data)}")

    def _write(self, kind: str, data: bytes) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{kind}-{hashlib.sha256(data).hexdigest()[:16]}"
        file.write_bytes(data)
        return file

    def report(self) -> None:
        """Say how far it is."""
        self._said = time.monotonic()
        self._say(f"{self.files} files, {self.findings} findings")
        for kind, results in sorted(self.results.items()):
            self._say(f"  {kind}: " + ", ".join(f"{count} {what}" for what, count in sorted(results.items())))


def _in_a_fork(batch: Sequence[tuple[str, bytes]]) -> Iterator[tuple[str, float]]:
    """(result, processor seconds) of one file after the other; the last one is a finding if the process ended at it."""
    reading, writing = os.pipe()
    if (fork := os.fork()) == 0:
        try:
            _try_all(batch, writing)
        finally:
            os._exit(1)
    os.close(writing)
    count = 0
    try:
        with open(reading, encoding="utf-8") as lines:
            for count, line in enumerate(lines, 1):  # noqa: B007 -- wanted afterwards
                result, seconds = json.loads(line)
                yield result, seconds
    finally:  # also when nobody asks for more
        status = os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])
    if count < len(batch):
        yield f"finding: the decoder ended with {status}", 0.0


def _try_all(batch: Sequence[tuple[str, bytes]], writing: int) -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    limit(MEMORY_BYTES)
    for _, data in batch:
        began = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(began.ru_utime + began.ru_stime)
        resource.setrlimit(resource.RLIMIT_CPU, (spent + 3 * int(MOST_FILE_SECONDS), resource.RLIM_INFINITY))
        start = time.process_time()
        try:
            result = check(data)
        except BaseException as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            result = f"finding: {type(error).__name__}: {error} in {last.filename}:{last.lineno}"
        os.write(writing, (json.dumps([result, time.process_time() - start]) + "\n").encode())
    os._exit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and say how it goes. 1 when something was found."""
    parser = argparse.ArgumentParser(prog="fuzz.decode", description=__doc__)
    parser.add_argument("again", type=Path, nargs="*", help="files to try again, and no others")
    parser.add_argument("--files", type=int, help="end after so many")
    parser.add_argument("--seconds", type=float, help="end after so long; an hour, where neither is given")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="of the choices that are made")
    parser.add_argument("--store", type=Path, default=FOUND, help="folder for what is found")
    given = parser.parse_args(arguments)
    decoder.preload()
    if given.again:
        results = [result for file in given.again for result, _ in _in_a_fork([(file.name, file.read_bytes())])]
        print("\n".join(results))
        return 1 if any(result.startswith("finding") for result in results) else 0
    print(f"seed {given.seed}", flush=True)
    fuzzer = Fuzzer(Random(given.seed), given.store, lambda text: print(text, flush=True))
    fuzzer.run(given.files, given.seconds if given.seconds or given.files else AN_HOUR)
    return 1 if fuzzer.findings else 0


if __name__ == "__main__":
    sys.exit(main())
