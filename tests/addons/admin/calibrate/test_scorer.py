"""An administrator's files are scored once each, side by side, and what has no score is counted."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from addons.admin.calibrate.scorer import Scan, Scorer
from addons.admin.calibrate.scores import Scores
from config.policy import Origin
from model.errors import Cause
from model.verdict import Outcome, Verdict

CAUSES: Mapping[bytes, Cause] = {b"text": "unsupported", b"half": "undecodable", b"slow": "deadline"}


class Judge:
    """Scores a file by the number that it holds, or gives a cause; `most` tells how many it had in hand at once."""

    device = "fake"

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.deadlines: list[float] = []
        self.at_once = self.most = 0
        self.stop_after = 1_000
        self.wanted = 0  # so many at once are waited for
        self.scanning: asyncio.Task[Scan] | None = None

    async def judge(
        self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
    ) -> Verdict:
        if len(self.seen) == self.stop_after:
            assert self.scanning
            self.scanning.cancel()  # as Ctrl-C does
            await asyncio.sleep(30)
        self.seen.append(data)
        self.deadlines.append(deadline)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        async with asyncio.timeout(30):
            await asyncio.sleep(0)
            while self.most < self.wanted:  # noqa: ASYNC110 -- a file beside this one is still being read, in a thread
                await asyncio.sleep(0.001)
        self.at_once -= 1
        known = (Outcome.PASS, Outcome.PASS, None)
        if cause := CAUSES.get(data):
            return Verdict(*known, cause, "0" * 64, len(data))
        scores = {} if data == b"card" else {"nsfw": float(data)}
        return Verdict(*known, None, "0" * 64, len(data), scores=scores, in_part={"nsfw": 0.5} if scores else {})

    async def normalised(self, data: bytes, deadline: float) -> bytes | Verdict:
        return data

    async def close(self) -> None:
        pass


@pytest.fixture
def scores(tmp_path: Path) -> Iterator[Scores]:
    with Scores(tmp_path / "scores.jsonl", "p") as scores:
        yield scores


def files(folder: Path, **contents: str) -> list[Path]:
    found = [folder / f"{name}.jpg" for name in contents]
    for path, content in zip(found, contents.values(), strict=True):
        path.write_text(content)
    return found


def scan(judge: Judge, scores: Scores, paths: list[Path], stream: io.StringIO | None = None, at_once: int = 2) -> Scan:
    scorer = Scorer(judge, scores, most=5, at_once=at_once, stream=stream or io.StringIO())

    async def scanned() -> Scan:
        judge.scanning = asyncio.create_task(scorer.scan(paths, clock=lambda: 100.0))
        return await judge.scanning

    return asyncio.run(scanned())


def test_each_file_is_scored_and_the_worst_come_first(tmp_path: Path, scores: Scores) -> None:
    judge = Judge()
    judge.wanted = 2
    paths = files(tmp_path, a="0.1", b="0.9", c="0.7", d="0.2")
    found = scan(judge, scores, paths)
    assert [(path.stem, dict(one.scores)) for path, one in found.scored] == [
        ("a", {"nsfw": 0.1}),
        ("b", {"nsfw": 0.9}),
        ("c", {"nsfw": 0.7}),
        ("d", {"nsfw": 0.2}),
    ]
    assert [path.stem for path, _ in found.worst("nsfw", 3)] == ["b", "c", "a"]  # a and d have 0.5 in a part
    assert found.worst("other", 3) == []
    assert judge.most == 2
    assert set(judge.deadlines) == {700.0}


def test_what_has_no_score_is_counted_by_why(tmp_path: Path, scores: Scores) -> None:
    stream = io.StringIO()
    paths = files(tmp_path, a="0.1", b="text", c="half", d="slow", e="0.1", f="0.25000", g="card")
    found = scan(Judge(), scores, [*paths, tmp_path / "gone\n.jpg"], stream)
    assert found.skipped == {
        "unsupported": 1,
        "undecodable": 1,
        "deadline": 1,
        "duplicate": 1,
        "unreadable": 2,
        "settled": 1,
    }
    assert (found.files, len(found.scored)) == (8, 1)
    assert f"{tmp_path}/gone\\n.jpg: cannot be read: No such file or directory\n" in stream.getvalue()
    assert "f.jpg: cannot be read: 7 bytes are more than limits.max_file_mib" in stream.getvalue()


def test_nothing_is_judged_twice_but_what_was_late(tmp_path: Path, scores: Scores) -> None:
    paths = files(tmp_path, a="0.1", b="text", c="slow")
    first = scan(Judge(), scores, paths)
    again = Judge()
    found = scan(again, scores, paths)
    assert again.seen == [b"slow", b"slow"]
    assert (first.known, found.known) == (0, 2)
    assert (found.scored, found.skipped) == (first.scored, first.skipped)


def test_what_was_late_behind_others_is_tried_again_alone(tmp_path: Path, scores: Scores) -> None:
    late = {b"0.2", b"0.3"}  # at the first try

    class Hurried(Judge):
        async def judge(
            self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
        ) -> Verdict:
            if data in late:
                late.discard(data)
                return Verdict(Outcome.PASS, Outcome.PASS, None, "deadline", "0" * 64, len(data))
            return await super().judge(data, deadline, origin)

    judge = Hurried()
    found = scan(judge, scores, files(tmp_path, a="0.1", b="0.2", c="0.3", d="0.4"), at_once=3)
    assert (set(judge.seen[:2]), set(judge.seen[2:])) == ({b"0.1", b"0.4"}, {b"0.2", b"0.3"}), (
        "when the others are done"
    )
    assert sorted(path.stem for path in found.again) == ["b", "c"]
    assert [path.stem for path, _ in found.scored] == ["a", "b", "c", "d"]
    assert found.skipped == {}


def test_what_was_scored_before_an_interruption_is_kept(tmp_path: Path, scores: Scores) -> None:
    paths = files(tmp_path, a="0.1", b="0.2", c="0.3", d="0.4")
    judge = Judge()
    judge.stop_after = 2
    with pytest.raises(asyncio.CancelledError):
        scan(judge, scores, paths, at_once=1)
    again = Judge()
    assert len(scan(again, scores, paths).scored) == 4
    assert sorted(again.seen) == [b"0.3", b"0.4"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal_alone(tmp_path: Path, scores: Scores) -> None:
    terminal, file = Terminal(), io.StringIO()
    paths = files(tmp_path, a="0.1", b="0.2")
    scan(Judge(), scores, paths, terminal)
    scan(Judge(), scores, paths, file)
    assert "scoring:   0%|" in terminal.getvalue()
    assert "/2 [" in terminal.getvalue()
    assert file.getvalue() == ""
