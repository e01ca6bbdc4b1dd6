"""`pictrs-filter classify`: verdicts on standard output as they come, everything else on standard error."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from addons.admin.classify import classify
from addons.inspection import Judging
from config.load import Config
from config.policy import Origin
from model.card import card, plain
from model.errors import DecoderFailed, ModelError
from model.verdict import Outcome, Verdict
from tests.recorder import Site
from tests.running import FORBIDDEN, FakeJudge, config

Captured = pytest.CaptureFixture[str]
MIB = 1024 * 1024
NOWHERE = ("127.0.0.1", 9)


class SetJudge(FakeJudge):
    """Gives one verdict, and notes that it was closed."""

    def __init__(self, verdict: Verdict | None = None, before: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.closed = False
        self._verdict = verdict
        self._before = before

    async def judge(
        self, data: bytes, deadline: float, origin: Origin | None = None, came_as: str | None = None
    ) -> Verdict:
        self._before()
        return self._verdict or await super().judge(data, deadline)

    async def close(self) -> None:
        self.closed = True


def run(*pictures: str | Path, judge: FakeJudge | None = None, as_json: bool = False, **settings: Any) -> int:
    """The command with a fake judge. Gives its exit code."""

    async def start(_: Config) -> Judging:
        return judge or FakeJudge()

    given = [*map(str, pictures)]
    return asyncio.run(classify(config(NOWHERE, **settings), given, as_json=as_json, start_judge=start))


def verdict(outcome: Outcome, strict: Outcome, rule: str | None, **more: Any) -> Verdict:
    return Verdict(outcome, strict, rule, more.pop("cause", None), "0" * 64, 9, **more)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"some bytes")
    return file


def test_with_the_real_model(tmp_path: Path, capsys: Captured) -> None:
    for name, data in (("plain.jpg", plain()), ("card.png", card()), ("half.jpg", plain()[:5000])):
        (tmp_path / name).write_bytes(data)
    pictures = [str(tmp_path / name) for name in ("plain.jpg", "card.png", "missing.jpg", "half.jpg")]
    assert asyncio.run(classify(config(NOWHERE), pictures, as_json=False)) == 1
    said = capsys.readouterr()
    blocks = said.out.replace(f"{tmp_path}/", "").splitlines()
    assert [line for line in blocks if not line.startswith(" ")] == [
        "plain.jpg: passes, no rule fires",
        "card.png: rejected by rule self-test-card",
        "half.jpg: refused, could not be judged: the JPEG breaks off before its end marker (failure.undecodable)",
    ]
    assert blocks[1].split()[0] == "nsfw"
    assert 0 < float(blocks[1].split()[1]) < 0.1
    assert blocks[2].startswith("    nsfw, in a part      0.0")
    assert f"    jpeg, {len(plain())} bytes, 13 views; hash " in blocks[3]
    assert said.err.startswith("loading open-nsfw (configuration: ")
    assert said.err.splitlines()[1:] == [f"{tmp_path}/missing.jpg: cannot be read: No such file or directory"]


def test_json_is_all_that_goes_to_standard_output(tmp_path: Path, picture: Path, capsys: Captured) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(FORBIDDEN)
    assert run(picture, tmp_path, bad, as_json=True) == 1
    said = capsys.readouterr()
    first, second = map(json.loads, said.out.splitlines())
    assert first == {
        "picture": str(picture),
        "outcome": "pass",
        "strict": "pass",
        "rule": None,
        "cause": None,
        "why": "",
        "scores": {"fake": 0.5},
        "in_part": {},
        "type": "jpeg",
        "bytes": 10,
        "views": 1,
        "sampled": "",
        "sha256": first["sha256"],
        "ms": {},
    }
    assert (second["picture"], second["outcome"], second["rule"]) == (str(bad), "reject", "fake-rule")
    assert len(said.err.splitlines()) == 2  # loading, and the folder


def test_a_sampled_video_and_its_parts_are_told(tmp_path: Path, picture: Path, capsys: Captured) -> None:
    found = verdict(Outcome.PASS, Outcome.PASS, None, media="mp4", views=48, sampled="32 of 900", in_part={"nsfw": 0.5})
    assert run(picture, judge=SetJudge(found)) == 0
    said = capsys.readouterr().out
    assert "48 views of 32 of 900 pictures in it" in said
    assert "    nsfw, in a part      0.5000\n" in said


OUTCOMES = [
    pytest.param(verdict(Outcome.PASS, Outcome.PASS, None), "passes, no rule fires", id="passes"),
    pytest.param(
        verdict(Outcome.PASS, Outcome.PASS, "grey", detail="x 0.700 is at least 0.6"),
        "passes, logged by rule grey: x 0.700 is at least 0.6",
        id="logged",
    ),
    pytest.param(
        verdict(Outcome.REJECT, Outcome.REJECT, "bad", detail="x 0.900 is at least 0.8"),
        "rejected by rule bad: x 0.900 is at least 0.8",
        id="rejected",
    ),
    pytest.param(
        verdict(Outcome.PASS, Outcome.REJECT, "bad", detail="x 0.900 is at least 0.8"),
        "passes in shadow mode, else rejected by rule bad: x 0.900 is at least 0.8",
        id="shadow",
    ),
    pytest.param(
        verdict(Outcome.REJECT, Outcome.REJECT, "undecodable", cause="undecodable", detail="broken"),
        "refused, could not be judged: broken (failure.undecodable)",
        id="broken",
    ),
    pytest.param(
        verdict(Outcome.UNAVAILABLE, Outcome.UNAVAILABLE, "decoder", cause="decoder", detail="it died"),
        "refused, could not be judged: it died (failure.decoder)",
        id="failed",
    ),
    pytest.param(
        verdict(Outcome.PASS, Outcome.UNAVAILABLE, "decoder", cause="decoder", detail="it died"),
        "passes, although it was not judged: it died (failure.decoder)",
        id="failed-and-passes",
    ),
]


@pytest.mark.parametrize(("given", "words"), OUTCOMES)
def test_what_would_happen(picture: Path, capsys: Captured, given: Verdict, words: str) -> None:
    assert run(picture, judge=SetJudge(given)) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{picture}: {words}"


def test_each_verdict_is_told_before_the_next_picture(picture: Path, capsys: Captured) -> None:
    told: list[str] = []
    run(picture, picture, judge=SetJudge(before=lambda: told.append(capsys.readouterr().out)))
    assert told[0] == ""
    assert told[1].startswith(f"{picture}: passes")


@pytest.mark.parametrize(("ms", "noted"), [(1000.0, False), (1000.5, True)])
def test_what_took_too_long_is_noted(picture: Path, capsys: Captured, ms: float, noted: bool) -> None:
    slow = verdict(Outcome.PASS, Outcome.PASS, None, stage_ms={"decode": 500.0, "classify": ms - 500})
    run(picture, judge=SetJudge(slow), deadline_seconds=1)
    assert ("note: this took longer than deadline_seconds (1)" in capsys.readouterr().out) is noted


@pytest.mark.parametrize(("size", "code"), [(MIB, 0), (MIB + 1, 1)])
def test_the_largest_file(picture: Path, capsys: Captured, size: int, code: int) -> None:
    picture.write_bytes(bytes(size))
    judge = FakeJudge()
    assert run(picture, judge=judge, limits={"max_file_mib": 1, "max_request_mib": 1}) == code
    assert [len(data) for data in judge.seen] == [size] * (1 - code)
    assert ("1048577 bytes are more than limits.max_file_mib" in capsys.readouterr().err) is bool(code)


def test_what_cannot_be_read(tmp_path: Path, picture: Path, capsys: Captured) -> None:
    os.mkfifo(tmp_path / "fifo")
    odd: list[str | Path] = [
        tmp_path,
        tmp_path / "fifo",
        "/dev/zero",
        picture / "x",
        "http://10.0.0.1/x.png",
        "ftp://h/x.png",
    ]
    judge = SetJudge()
    assert run(*odd, picture, judge=judge) == 1
    assert judge.closed
    assert judge.seen == [picture.read_bytes()]  # the rest is judged all the same
    said = capsys.readouterr().err.splitlines()[1:]
    assert said == [
        f"{tmp_path}: cannot be read: it is a folder; name the files in it, for example with /*",
        f"{tmp_path}/fifo: cannot be read: it is not an ordinary file",
        "/dev/zero: cannot be read: it is not an ordinary file",
        f"{picture}/x: cannot be read: Not a directory",
        "http://10.0.0.1/x.png: cannot be read: The address does not lead to a host on the public internet. "
        "(an address that is not public)",
        "ftp://h/x.png: cannot be read: The address is not an http or https URL.",
    ]


def test_an_address_is_fetched_as_the_filter_would(capsys: Captured) -> None:
    with Site() as site:
        url = site.put("/cat.jpg", b"a cat")
        judge = FakeJudge()
        allowed = {"allow_networks": ["127.0.0.1/32"], "ports": [site.address[1]]}
        assert run(url, judge=judge, fetch=allowed) == 0
        assert judge.seen == [b"a cat"]
        assert run(url, judge=judge) == 1
        assert site.fetches["/cat.jpg"] == 1


def test_names_do_no_harm(tmp_path: Path, capsys: Captured) -> None:
    nasty = os.fsdecode(bytes(tmp_path) + b"/a\n\x1b[31m\xe9.jpg")
    Path(nasty).write_bytes(b"x")
    run(nasty, as_json=True)
    assert json.loads(capsys.readouterr().out)["picture"] == nasty
    run(nasty)
    assert capsys.readouterr().out.startswith(f"{tmp_path}/a\\n\\x1b[31m\\udce9.jpg: passes")


@pytest.mark.parametrize("error", [ModelError("fetch the model again"), DecoderFailed("no decoder can be started")])
def test_a_judge_that_cannot_be_had(picture: Path, capsys: Captured, error: Exception) -> None:
    async def start(_: Config) -> Judging:
        raise error

    assert asyncio.run(classify(config(NOWHERE), [str(picture)], as_json=False, start_judge=start)) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[1:] == [f"pictrs-filter: {error}"]


def test_the_log_of_verdicts_is_the_services(picture: Path, tmp_path: Path) -> None:
    """The administrator's own tries are not in it, and nothing is made where it lies."""
    assert run(picture, state_dir=str(tmp_path / "state")) == 0
    assert not (tmp_path / "state").exists()
