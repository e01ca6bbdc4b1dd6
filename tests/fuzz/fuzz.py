"""The property of tests/property/, for an hour or as long as one likes: `make fuzz`, with `SECONDS=n` or `REQUESTS=n`.

Clients send what the property's strategies make, files of the corpus with their bytes changed and spliced, and noise.
What brings an answer, or a line of addons/ (from Python 3.12), that was not there before is kept for this run and
changed further. What violates the property is made smaller, stored in corpus/ under its hash, and the exit code is 1:
commit the file with the cure, and test_corpus.py sends it in every `make test` from then on.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from tests.fuzz.kept import CORPUS, read, write
from tests.fuzz.novelty import Answers, Lines
from tests.property.harness import BATCH, Harness, Violation
from tests.property.mangle import mangle
from tests.property.streams import End, Stream, stream

AN_HOUR = 3600.0
ROUND = 10_000
"""Requests to one filter; then it is ended, must leave nothing behind, and the next one begins."""
MOST_KEPT = 4000
"""Inputs that a run keeps to change them further; beyond, a new one takes the place of another."""
MOST_VIOLATIONS = 10
MOST_TRIES = 60
"""Filters that are started to make one violation smaller: about ten seconds."""
SAY_SECONDS = 10.0
_ENDS = (*(End.ASK,) * 10, *(End.HALF,) * 2, End.LEAVE, End.WAIT)


class Fuzzer:
    """One run. `folder` is where violations are stored."""

    def __init__(self, random: Random, folder: Path, say: Callable[[str], None]) -> None:
        self._random = random
        self._folder = folder
        self._say = say
        self._kept = [read(file).data for file in sorted(CORPUS.rglob("*.http"))]
        self._answers = Answers()
        self._began = self._said = time.monotonic()
        self.requests = self.passed = self.staged = self.violations = 0
        self.statuses: Counter[int] = Counter()

    def run(self, requests: int | None, seconds: float | None) -> None:
        """Go on until so many requests are sent or seconds are over, whichever comes first."""

        def over() -> bool:
            late = seconds is not None and time.monotonic() - self._began >= seconds
            return late or self.violations >= MOST_VIOLATIONS or (requests is not None and self.requests >= requests)

        with Lines() as lines:
            while not over():
                self._round(lines, over)
        self.report(lines)

    def _round(self, lines: Lines, over: Callable[[], bool]) -> None:
        streams: list[Stream] = []
        try:
            with Harness() as harness:
                while harness.requests < ROUND and not over():
                    streams = [self._next() for _ in range(BATCH)]
                    before = harness.requests, harness.passed, harness.staged, harness.answers.copy()
                    heard = harness.send(streams)
                    self._count(harness, *before)
                    fresh = lines.new()
                    for sent, got in zip(streams, heard, strict=True):
                        if self._answers.new(got.data) or fresh:
                            self._keep(sent.data)
                    if time.monotonic() - self._said >= SAY_SECONDS:
                        self.report(lines)
        except Violation as violation:
            self._store(violation, streams)

    def _next(self) -> Stream:
        """A client: from the strategies, or made of what is kept."""
        if self._random.randrange(5) < 2:
            return stream(self._random)
        data = mangle(self._random.choice(self._kept), self._random, tuple(self._random.sample(self._kept, 3))) or b"x"
        cuts = sorted(self._random.randrange(len(data)) for _ in range(self._random.choice((0, 0, 0, 1, 4))))
        return Stream(data, self._random.choice(_ENDS), tuple(cuts), max(1, data.count(b" HTTP/1.")))

    def _keep(self, data: bytes) -> None:
        if len(self._kept) < MOST_KEPT:
            self._kept.append(data)
        else:
            self._kept[self._random.randrange(MOST_KEPT)] = data

    def _count(self, harness: Harness, requests: int, passed: int, staged: int, answers: Counter[int]) -> None:
        self.requests += harness.requests - requests
        self.passed += harness.passed - passed
        self.staged += harness.staged - staged
        self.statuses.update(harness.answers - answers)

    def _store(self, violation: Violation, streams: Sequence[Stream]) -> None:
        self.violations += 1
        self._say("VIOLATION: " + "\n  ".join(violation.faults))
        guilty = [each for each in streams if violates(each)]
        if not guilty:
            self._say("None of its clients does it alone: all of them are stored.")
        for each in map(smaller, guilty) if guilty else streams:
            self._say(f"  stored: {write(each, self._folder)}")

    def report(self, lines: Lines) -> None:
        """Say how far it is."""
        self._said = time.monotonic()
        rate = self.requests / max(0.001, self._said - self._began)
        refused = {status: count for status, count in sorted(self.statuses.items()) if status >= 400}
        new = f"{len(self._answers)} kinds of answers, {lines.count or '?'} lines, {len(self._kept)} inputs kept"
        self._say(
            f"{self.requests} requests, {rate:.0f}/s, {self.passed} passed on, {self.staged} staged, "
            f"refused {refused}, {new}, {self.violations} violations"
        )


def violates(sent: Stream) -> bool:
    """Whether this client alone, and a new filter, show it."""
    try:
        with Harness() as harness:
            harness.send([sent])
    except Violation:
        return True
    return False


def smaller(sent: Stream) -> Stream:
    """A shorter client that violates the property too, as far as MOST_TRIES go."""
    tries, size = MOST_TRIES, len(sent.data) // 2
    while size and tries:
        at = 0
        while at < len(sent.data) and tries:
            tries -= 1
            less = Stream(sent.data[:at] + sent.data[at + size :], sent.end)
            if less.data and violates(less):
                sent = less
            else:
                at += size
        size //= 2
    return sent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and say how it goes. 1 when the property was violated."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, help="end after so many")
    parser.add_argument("--seconds", type=float, help="end after so long; an hour, where neither is given")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="of the choices that are made")
    parser.add_argument("--store", type=Path, default=CORPUS, help="folder for what violates the property")
    given = parser.parse_args(arguments)
    logging.getLogger("pictrs_filter").setLevel(logging.ERROR)
    logging.getLogger("mitmproxy").setLevel(logging.ERROR)
    print(f"seed {given.seed}", flush=True)
    fuzzer = Fuzzer(Random(given.seed), given.store, lambda text: print(text, flush=True))
    fuzzer.run(given.requests, given.seconds if given.seconds or given.requests else AN_HOUR)
    return 1 if fuzzer.violations else 0


if __name__ == "__main__":
    sys.exit(main())
