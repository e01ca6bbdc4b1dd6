"""Scores that are kept while an administrator's pictures are judged: interrupted, nothing is judged twice.

One JSON object a line, the first of which says what the file is for. A line holds the SHA-256 of a file and its scores,
or why it has none: never a picture, a name or a date. Each is one write, whole or taken back; what a power cut left of
one is dropped when the file is opened. There is a file for each way to come to scores, so they never mix.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from config.load import Config
from model.errors import Cause

FORMAT = 1
"""Raised when a line comes to mean something else: then all is judged anew."""
OF_THE_FILE: tuple[Cause, ...] = ("undecodable", "unsupported", "too_large")
"""Causes that lie in the bytes, and will be there again. Others pass, and are tried again the next time."""
NAME_DIGITS = 16
"""Hex digits of the hash in a file's name."""


class ScoresError(Exception):
    """The file of scores cannot be used. The message says what to do."""


@dataclass(frozen=True)
class Scored:
    """Highest scores of one file, signal -> 0..1, over its whole pictures and over parts of them.

    `cause` says why there are none; without it and without scores something else than a model had settled it.
    """

    sha256: str
    scores: Mapping[str, float] = field(default_factory=dict)
    in_part: Mapping[str, float] = field(default_factory=dict)
    cause: Cause | None = None

    @property
    def passes(self) -> bool:
        """Whether it failed for a reason that does not lie in the file, and may be gone the next time."""
        return self.cause is not None and self.cause not in OF_THE_FILE

    def highest(self, signal: str) -> float:
        """Over wholes and parts."""
        return max(self.scores.get(signal, 0.0), self.in_part.get(signal, 0.0))


def pipeline(config: Config) -> str:
    """SHA-256 (64 hex digits) of all that scores depend on: models, signals, how files are looked at, and our version.

    Rules are left out, or each new threshold would cost hours. They have a say in which parts of a picture get a second
    look (condition.near_in_part), and so a very small one in the scores of parts.
    """
    policy = config.policy.model_dump(mode="json", include={"models", "signals"}, exclude_defaults=True)
    settings = config.settings.model_dump(mode="json", include={"normalise", "limits", "views"})
    plain = json.dumps([FORMAT, _version(), policy, settings], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def path_for(config: Config) -> Path:
    """Where they are kept: in the filter's state folder."""
    return config.settings.state_folder.expanduser() / "calibration" / f"{pipeline(config)[:NAME_DIGITS]}.jsonl"


class Scores:
    """Use as `with Scores(path, pipeline) as scores`. `fresh` forgets what is there. One program at a time.

    Raises ScoresError.
    """

    def __init__(self, path: Path, pipeline: str, *, fresh: bool = False) -> None:
        self.path = path
        self._head = {"pictrs_filter": "calibration", "format": FORMAT, "pipeline": pipeline}
        self._fresh = fresh
        self._known: dict[str, Scored] = {}
        self._end = 0

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            self._lock()
            self._read()
        except BaseException:
            os.close(self._file)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def __len__(self) -> int:
        return len(self._known)

    def get(self, sha256: str) -> Scored | None:
        """What is known of a file with these bytes."""
        return self._known.get(sha256)

    def add(self, scored: Scored) -> None:
        """Keep it, on the disk as soon as the system likes. What will not last is not kept. Raises ScoresError."""
        if not scored.passes:
            line: dict[str, Any] = {"sha256": scored.sha256}
            line |= {"cause": scored.cause} if scored.cause else {"scores": {**scored.scores}}
            line |= {"in_part": {**scored.in_part}} if scored.in_part else {}
            self._append(line)
            self._known[scored.sha256] = scored

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # goes with the process, however it ends
        except BlockingIOError:
            raise ScoresError(
                f"{self.path} is in use: another calibration is at work; wait for it, or end it"
            ) from None

    def _read(self) -> None:
        with open(self._file, "rb", closefd=False) as file:
            lines = file.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # a power cut's, or a kill's
        if self._fresh or not lines:
            self._truncate(0)
            self._append(self._head)
            return
        try:
            if json.loads(lines[0]) != self._head:
                raise ScoresError(f"{self.path} is of another version or policy: --fresh begins it anew")
            for line in lines[1:]:
                scored = _scored(json.loads(line))
                self._known[scored.sha256] = scored
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ScoresError(f"{self.path} is damaged ({error}): --fresh begins it anew") from error
        self._truncate(sum(map(len, lines)))

    def _append(self, line: Mapping[str, object]) -> None:
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        try:
            written = os.pwrite(self._file, data, self._end)
            while written < len(data):  # a disk that is almost full takes a part, and refuses the rest
                written += os.pwrite(self._file, data[written:], self._end + written)
        except OSError as error:
            self._truncate(self._end)
            raise self._unwritable(error) from error
        self._end += len(data)

    def _truncate(self, size: int) -> None:
        os.ftruncate(self._file, size)
        self._end = size

    def _unwritable(self, error: OSError) -> ScoresError:
        why = error.strerror or str(error)
        hint = "what was scored is kept: make room, or let this user write there (`state_dir`), and run it again"
        return ScoresError(f"{self.path} cannot be written: {why}; {hint}")


def _scored(line: Mapping[str, Any]) -> Scored:
    scores, in_part = line.get("scores", {}), line.get("in_part", {})
    if not all(0 <= float(value) <= 1 for value in (*scores.values(), *in_part.values())):
        raise ValueError("a score is not within 0..1")
    if (cause := line.get("cause")) not in (None, *OF_THE_FILE):
        raise ValueError("an unknown cause")
    return Scored(str(line["sha256"]), scores, in_part, cause)


def _version() -> str:
    try:
        return version("pictrs-filter")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
