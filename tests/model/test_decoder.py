"""The decoder process, by itself: what it reads, what it writes, how it ends."""

from __future__ import annotations

import ast
import importlib
import io
import json
import signal
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pillow_jxl
import pytest
from PIL import ImageCms

from model import pipe
from model.barriers import missing, read_ready
from model.child import COMMAND, ENVIRONMENT
from model.job import Job, PictureLimits, read_answer
from model.preprocess import ViewSpec
from tests.model.samples import ANIMATIONS, STILLS, encode, picture, png_header
from tests.priority import ordinary_priority

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
    assert (missing(read_ready(replies[0][0])), replies[0][1]) == ("", b"")
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
    code = (
        "import os; os.sched_getaffinity = lambda _: range(4)\n"
        "honest = decoder.confine\n"
        "decoder.confine = lambda memory: os.geteuid() or os.setuid(65534) or honest(memory)"
    )
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
        "honest = decoder.confine\n"
        "def confine(memory_bytes):\n"
        "    facts = {'modules': [name.split('.')[0] for name in sys.modules], 'environment': dict(os.environ)}\n"
        "    facts |= {'threads': len(os.listdir('/proc/self/task')), 'files': len(os.listdir('/proc/self/fd')) - 1}\n"
        "    print(json.dumps(facts), flush=True)\n"
        "    return honest(memory_bytes)\n"
        "decoder.confine = confine"
    )
    _, done = run(message(JOB.pack()) + message({"media": "gif"}, b"GIF"), code=code)
    facts = json.loads(done.stderr)
    assert not {"torch", "torchvision", "timm", "pydantic", "config", "mitmproxy", "asyncio"} & set(facts["modules"])
    assert {"PIL", "numpy", "model"} <= set(facts["modules"])
    telemetry = {"ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY"}  # model sets them wherever it is imported
    assert set(facts["environment"]) <= {*ENVIRONMENT, *telemetry, "LC_CTYPE"}
    assert facts["threads"] == 1
    assert facts["files"] == 4


def video(container: str, codec: str) -> bytes:
    """Four frames of noise, written by FFmpeg's encoder `codec`."""
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (4, 64, 96, 3), dtype=np.uint8)
    with ordinary_priority(), av.open(out, "w", format=container) as writing:
        stream = writing.add_stream(codec, rate=Fraction(10))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for pixels in noise:
            writing.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        writing.mux(stream.encode())
    return out.getvalue()


def test_every_decoder_works_behind_the_barriers() -> None:
    """Twice each: what is made at first use and what is kept."""
    profile = encode(picture(), "JPEG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert pillow_jxl
    files = [
        *((name, STILLS[key](), 1) for name, key in [("jpeg", "jpeg"), ("png", "png-P"), ("gif", "gif")]),
        *((name, STILLS[key](), 1) for name, key in [("webp", "webp"), ("webp", "webp-lossless"), ("avif", "avif")]),
        *((name, ANIMATIONS[key](), 4) for name, key in [("png", "apng"), ("gif", "gif-animated")]),
        *((name, ANIMATIONS[key](), 4) for name, key in [("webp", "webp-animated"), ("avif", "avif-animated")]),
        ("jpeg", profile, 1),
        ("jxl", encode(picture(), "JXL"), 1),
        ("jxl", encode(picture(), "JXL", lossless=True), 1),
        *(("mp4", video("mp4", codec), 4) for codec in ("libx264", "libx265", "libsvtav1")),
        *(("webm", video("webm", codec), 4) for codec in ("libvpx", "libvpx-vp9", "libsvtav1")),
    ] * 2
    requests = [message({"media": name}, data) for name, data, _ in files]
    replies, done = run(message(JOB.pack()) + b"".join(requests))
    assert [header.get("frames", header) for header, _ in replies[1:]] == [count for _, _, count in files], done
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import this", "LateImport: this"),
        ("try: import this\n    except ImportError: pass", "LateImport: this"),
        ("b'x'.decode('cp037')", "LateImport"),
        ("decoder.Image.open('/etc/passwd')", "PermissionError"),
    ],
    ids=["module", "module-that-may-be-missing", "encoding", "file"],
)
def test_what_is_looked_for_late_is_a_bug(code: str, said: str) -> None:
    """And not the fault of the file, whose error looks the same to Pillow."""
    code = (
        "from model.frames import refusals\n"
        "def decode(*_):\n"
        f"  with refusals():\n    {code}\n"
        "  raise decoder.Undecodable('it went on')\n"
        "decoder.decode = decode"
    )
    replies, done = run(message(JOB.pack()) + message({"media": "gif"}, b"GIF"), code=code)
    assert len(replies) == 1
    assert done.returncode == 1
    assert said in done.stderr.decode()


def test_a_forbidden_call_ends_it() -> None:
    code = "import socket\ndecoder.decode = lambda *_: socket.socket()"
    replies, done = run(message(JOB.pack()) + message({"media": "gif"}, b"GIF"), code=code)
    assert len(replies) == 1
    assert done.returncode == -signal.SIGSYS


NEVER_CALLED = {
    *("PIL.BmpImagePlugin", "PIL.PpmImagePlugin"),  # preinit has them already
    *("PIL.ImageQt", "PIL.ImageWin", "PIL.ImageShow", "PIL.features", "defusedxml", "IPython.lib.pretty", "random"),
    *("av.container.core", "av.device", "av.codec.hwaccel"),
}
"""What a decoder has no use for: windows, printing, XML, devices."""


NUMPYS_OWN = {
    # OpenBLAS binds memory to a processor (mbind) the first time that one of these needs a buffer.
    *("linalg", "dot", "vdot", "inner", "matmul", "einsum", "tensordot", "cov", "corrcoef", "polyfit", "polyval"),
    # These are imported when they are first used.
    *("fft", "ma", "random", "median", "nanmedian", "percentile", "quantile", "unique"),
}
"""What of numpy ends a decoder, or may with other sizes."""


def loaded_by_a_decoder() -> set[str]:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from model.decoder import preload; preload()\n"
        "print(*sys.modules, sep='\\n')"
    )
    command = [*COMMAND[:3], script, COMMAND[4]]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout.split())


def test_nothing_of_numpy_that_would_end_it_is_used() -> None:
    for name in sorted(loaded_by_a_decoder()):
        if name.startswith("model."):
            nodes = list(ast.walk(ast.parse(Path(str(importlib.import_module(name).__file__)).read_text())))
            attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
            used = {
                node.attr for node in attributes if node.attr == "dot" or ast.unparse(node.value) in ("np", "numpy")
            }
            assert not used & NUMPYS_OWN, name
            assert not any(isinstance(node, ast.MatMult) for node in nodes), name


def test_what_libraries_import_late_is_imported_early() -> None:
    """Every import inside a function of the modules of Pillow and PyAV that a decoder has loaded."""
    loaded = loaded_by_a_decoder()
    late = set()
    for name in sorted(loaded):
        if name.split(".")[0] not in ("PIL", "av", "pillow_jxl", "model"):
            continue
        source = Path(str(importlib.import_module(name).__file__).replace(".abi3.so", ".py"))  # PyAV is compiled
        if source.suffix == ".py":
            late |= late_imports(source.read_text(), name) - loaded
    assert late - NEVER_CALLED == set()


def late_imports(source: str, module: str) -> set[str]:
    """The absolute names of what functions import."""
    package = module if module in ("av", "PIL", "model") else module.rpartition(".")[0]
    names = set()
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    base = f"{package}.{node.module or ''}".strip(".") if node.level else str(node.module)
                    names |= {f"{base}.{alias.name}" for alias in node.names} if not node.module else {base}
    return names
