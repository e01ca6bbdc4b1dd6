"""The decoder process, by itself: what it reads, what it writes, how it ends."""

from __future__ import annotations

import io
import json
import subprocess

import pytest

from model import pipe
from model.child import COMMAND, ENVIRONMENT
from model.job import READY, Job, PictureLimits, read_answer
from model.preprocess import ViewSpec
from tests.model.samples import STILLS, png_header

JOB = Job(PictureLimits(10_000, 40_000_000, 900), (ViewSpec(64, 64, 1.0, "squash", "bilinear"),), 10_000_000, 512, 9)
Message = tuple[dict[str, object], bytes]


def message(header: dict[str, object], body: bytes = b"") -> bytes:
    stream = io.BytesIO()
    pipe.write(stream, header, [memoryview(body)])
    return stream.getvalue()


def run(requests: bytes, *, code: str | None = None) -> tuple[list[Message], subprocess.CompletedProcess[bytes]]:
    """The replies of a decoder to these bytes, and how it ended; `code` runs in it before it starts."""
    command = list(COMMAND)
    if code is not None:
        command[3] = (
            f"import sys; sys.path.insert(0, sys.argv[1]); import model.decoder as decoder\n{code}\ndecoder.main()"
        )
    done = subprocess.run(command, input=requests, capture_output=True, timeout=60, env=ENVIRONMENT, check=False)
    replies = []
    stream = io.BytesIO(done.stdout)
    while (reply := pipe.read(stream, JOB.max_body_bytes)) is not None:
        replies.append(reply)
    return replies, done


def test_files_one_after_another() -> None:
    names = ["jpeg", "png", "gif", "webp", "avif", "jxl"]
    files = [STILLS[name if name != "png" else "png-RGB"]() for name in names]
    requests = [message({"media": name}, data) for name, data in zip(names, files, strict=True)]
    replies, done = run(message(JOB.pack()) + b"".join(requests))
    assert (done.returncode, done.stderr) == (0, b"")
    assert replies[0] == (READY, b"")
    assert len(replies) == 7
    for (header, body), data in zip(replies[1:], files, strict=True):
        views = read_answer(header, body, JOB, len(data))
        assert (views.width, views.height, views.arrays[0].shape) == (48, 40, (1, 64, 64, 3))


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("png", STILLS["png-RGB"]()[:-9], "undecodable"),
        ("png", STILLS["jpeg"](), "undecodable"),
        ("matroska", b"\x1a\x45\xdf\xa3", "unsupported"),
        ("png", png_header(10_001, 1), "too_large"),
    ],
    ids=["cut", "another-format", "not-judged", "too-large"],
)
def test_refusals_are_answered_and_it_goes_on(name: str, data: bytes, status: str) -> None:
    replies, done = run(
        message(JOB.pack()) + message({"media": name}, data) + message({"media": "gif"}, STILLS["gif"]())
    )
    assert [header["status"] for header, _ in replies] == ["ready", status, "ok"]
    assert done.returncode == 0


@pytest.mark.parametrize("name", ["avif", "jxl"])
def test_it_needs_no_threads(name: str) -> None:
    """Which a process that is not root's may not start; decoders of AVIF and JPEG XL ask for one per processor."""
    code = "import os; os.sched_getaffinity = lambda _: range(4); os.geteuid() or os.setuid(65534)"
    replies, done = run(message(JOB.pack()) + message({"media": name}, STILLS[name]()), code=code)
    assert [header["status"] for header, _ in replies] == ["ready", "ok"], done.stderr


def test_a_bug_ends_it() -> None:
    code = "def decode(*_): raise AssertionError('a bug')\ndecoder.decode = decode"
    replies, done = run(message(JOB.pack()) + message({"media": "gif"}, b"GIF"), code=code)
    assert len(replies) == 1
    assert done.returncode == 1
    assert b"AssertionError: a bug" in done.stderr


@pytest.mark.parametrize("requests", [b"", message(JOB.pack())[:20]], ids=["nothing", "half-a-job"])
def test_the_end_of_its_input_ends_it(requests: bytes) -> None:
    replies, done = run(requests)
    assert (replies, done.returncode, done.stderr) == ([], 0, b"")


def test_what_prints_does_not_reach_the_pool() -> None:
    code = "honest = decoder.decode\ndecoder.decode = lambda *a: print('chatter', flush=True) or honest(*a)"
    replies, done = run(message(JOB.pack()) + message({"media": "gif"}, STILLS["gif"]()), code=code)
    assert [header["status"] for header, _ in replies] == ["ready", "ok"]
    assert done.stderr == b"chatter\n"


def test_it_is_alone() -> None:
    """No torch, no settings, nothing of the parent: neither its environment nor its folder nor its files."""
    code = (
        "import json, os\n"
        "def decode(*_):\n"
        "    facts = {'modules': [name.split('.')[0] for name in sys.modules], 'environment': dict(os.environ)}\n"
        "    facts |= {'threads': len(os.listdir('/proc/self/task')), 'files': len(os.listdir('/proc/self/fd')) - 1}\n"
        "    print(json.dumps(facts), flush=True)\n"
        "    raise decoder.Undecodable('done')\n"
        "decoder.decode = decode"
    )
    _, done = run(message(JOB.pack()) + message({"media": "gif"}, b"GIF"), code=code)
    facts = json.loads(done.stderr)
    assert not {"torch", "torchvision", "timm", "pydantic", "config", "mitmproxy", "asyncio"} & set(facts["modules"])
    assert {"PIL", "numpy", "model"} <= set(facts["modules"])
    assert set(facts["environment"]) <= {*ENVIRONMENT, "LC_CTYPE"}
    assert facts["threads"] == 1
    assert facts["files"] == 4
