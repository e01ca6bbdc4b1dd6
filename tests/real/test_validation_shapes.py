"""The real pict-rs with its hook set: our reader finds in its request what is in its store, byte for byte.

What pict-rs makes of the answer is pinned too, because the answers of the hook rest on it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from PIL import Image

from addons.pictrs.validation import file_of
from tests.conftest import RunReal
from tests.http1 import Answer, Request, upload, write_answer
from tests.pictrs import VERSIONS, RealPictrs
from tests.recorder import Recorder

pytestmark = pytest.mark.once  # pict-rs and a function of bytes, no proxy

WITH_HOOK = tuple(version for version in VERSIONS if not version.startswith("0.3."))  # it came with 0.4.3
MAX_BYTES = 1 << 20


@dataclass
class Hook:
    """Answers pict-rs's hook with `status`, and looks into its store at that moment."""

    status: int = 200
    real: RealPictrs | None = None
    stored: dict[str, str] = field(default_factory=dict)

    def __call__(self, request: Request) -> bytes:
        assert self.real is not None
        self.stored = self.real.stored_files()
        return write_answer(self.status)


@dataclass(frozen=True)
class Scene:
    """A real pict-rs, and who stands where its hook points."""

    real: RealPictrs
    hook: Hook
    recorder: Recorder

    def ask(self, data: bytes, status: int = 200) -> tuple[Answer, Request]:
        """Upload a file while the hook answers so: the answer to the upload, and the one request to the hook."""
        self.hook.status = status
        self.recorder.reset()
        answer = upload(self.real.address, data)
        (request,) = self.recorder.requests
        return answer, request


@pytest.fixture(scope="module", params=WITH_HOOK)
def scene(request: pytest.FixtureRequest, run_real: RunReal) -> Iterator[Scene]:
    hook = Hook()
    with Recorder(hook) as recorder:
        settings = {
            "PICTRS__MEDIA__EXTERNAL_VALIDATION": f"{recorder.url}/validate",
            "PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS": "true",
        }
        hook.real = run_real(request.param, settings)
        yield Scene(hook.real, hook, recorder)


def picture(kind: str = "PNG", frames: int = 1) -> bytes:
    """A picture of noise: no other call gives it, and it does not fit into one piece of a stream."""
    noise = Image.effect_noise((300, 300), 60).convert("RGB")
    images = [noise.rotate(90 * turn) for turn in range(frames)]
    out = io.BytesIO()
    more = {"save_all": True, "append_images": images[1:], "duration": 100} if frames > 1 else {}
    images[0].save(out, kind, **more)
    return out.getvalue()


def types(request: Request) -> list[bytes]:
    return [value.encode("latin-1") for value in request.header("content-type")]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("kind", "frames", "type_"),
    [
        ("PNG", 1, b"image/png"),
        ("JPEG", 1, b"image/jpeg"),
        ("WEBP", 1, b"image/webp"),
        ("WEBP", 3, b"image/webp"),
        ("AVIF", 1, b"image/avif"),
        ("GIF", 3, b"image/gif"),
    ],
)
def test_what_is_read_is_what_is_stored(scene: Scene, kind: str, frames: int, type_: bytes) -> None:
    answer, request = scene.ask(picture(kind, frames))
    assert answer.status == 201, answer.body
    data = file_of(types(request), request.body, max_bytes=MAX_BYTES)
    assert sha256(data) in scene.real.stored_files().values()
    made_a_video = (kind, scene.real.version[:4]) == ("GIF", "0.4.")
    assert types(request)[0] == (b"video/webm" if made_a_video else type_)
    assert len(types(request)) == (2 if scene.real.version.startswith("0.6.") else 1)


def test_how_the_request_is_framed(scene: Scene) -> None:
    _, request = scene.ask(picture())
    names = [name for name, _ in request.headers]
    kinds = ["content-type"] * len(types(request))
    assert names == [*kinds, "accept", "user-agent", "host", "transfer-encoding"]
    assert (request.method, request.target, request.header("transfer-encoding")) == ("POST", "/validate", ["chunked"])


def test_the_file_is_stored_before_the_hook_is_asked(scene: Scene) -> None:
    """Why the hook can only be a second line."""
    _, request = scene.ask(picture(), 400)
    assert sha256(file_of(types(request), request.body, max_bytes=MAX_BYTES)) in scene.hook.stored.values()


@pytest.mark.parametrize("status", [200, 204])
def test_2xx_lets_the_file_in(scene: Scene, status: int) -> None:
    answer, _ = scene.ask(picture(), status)
    assert (answer.status, answer.json()["msg"]) == (201, "ok")


@pytest.mark.parametrize("status", [400, 415, 503])
def test_all_else_keeps_it_out(scene: Scene, status: int) -> None:
    answer, _ = scene.ask(picture(), status)
    assert answer.status == (500 if scene.real.version.startswith("0.4.") else 400)
    assert answer.json().get("code", "failed-external-validation") == "failed-external-validation"
    assert "msg" in answer.json()
