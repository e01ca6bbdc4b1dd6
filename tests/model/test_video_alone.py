"""A video opens no other file, whatever it holds: playlists, scripts, references. The kernel says what was opened."""

from __future__ import annotations

import ctypes
import io
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import av
import pytest

from model.errors import JudgeError, Undecodable, Unsupported
from model.formats.media import MEDIA_TYPES, MP4, MediaType
from model.formats.mp4 import mp4
from model.formats.sniff import sniff
from model.formats.structure import inspect
from model.formats.webm import webm
from model.video import _open_nothing, frames
from tests.model.videos import AnyLimits, box, patch, video
from tests.model.webms import plain

SCRIPTS = {
    "ffconcat": "ffconcat version 1.0\nfile {path}\n",
    "hls": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{path}\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{path}"/></svg>',
    "dash": '<?xml version="1.0"?><MPD><Period><AdaptationSet><BaseURL>{path}</BaseURL></AdaptationSet></Period></MPD>',
}
VIDEOS = [media for media in MEDIA_TYPES if media.codecs]
_IN_OPEN, _IN_NONBLOCK = 0x20, 0o4000  # linux/inotify.h


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A good video that lies beside, for a script to name."""
    path = tmp_path / "other.mp4"
    path.write_bytes(video())
    return path


@pytest.fixture
def opened(other: Path) -> Iterator[Callable[[], bool]]:
    """Whether anybody has opened the other file since, as inotify(7) tells."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(_IN_NONBLOCK)
    assert descriptor >= 0
    assert libc.inotify_add_watch(descriptor, bytes(other), _IN_OPEN) > 0

    def anybody() -> bool:
        with suppress(BlockingIOError):
            return bool(os.read(descriptor, 4096))
        return False

    yield anybody
    os.close(descriptor)


def test_a_naive_reader_opens_it(other: Path, opened: Callable[[], bool]) -> None:
    """So that the tests below prove something: what a text can make of FFmpeg without our options."""
    assert not opened()
    script = SCRIPTS["ffconcat"].format(path=other).encode()
    with av.open(io.BytesIO(script), "r", format="concat", options={"safe": "0"}) as source:
        assert len(list(source.decode(video=0))) == 12
    assert opened()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_no_video(name: str, other: Path) -> None:
    assert sniff(SCRIPTS[name].format(path=other).encode()) is None


@pytest.mark.parametrize("media", VIDEOS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_opens_nothing_even_if_it_came_so_far(
    name: str, media: MediaType, other: Path, opened: Callable[[], bool]
) -> None:
    container = mp4(video()) if media is MP4 else webm(plain())
    with pytest.raises(Undecodable):
        list(frames(SCRIPTS[name].format(path=other).encode(), media, container, AnyLimits()))
    assert not opened()


def test_a_reference_to_another_file(other: Path, opened: Callable[[], bool]) -> None:
    """The frames are said to lie there. The walk refuses it; FFmpeg alone does not look there either."""
    reference = box(b"url ", bytes(4) + bytes(other) + b"\x00")
    data = patch(video(), "moov trak mdia minf dinf dref", lambda _: reference)
    with pytest.raises(Unsupported, match="another file"):
        inspect(data, MP4)
    with suppress(JudgeError):
        assert len(list(frames(data, MP4, mp4(video()), AnyLimits()))) == 12
    assert not opened()


def test_an_ordinary_video_opens_nothing(opened: Callable[[], bool]) -> None:
    assert len(list(frames(video(), MP4, mp4(video()), AnyLimits()))) == 12
    assert not opened()


def test_what_ffmpeg_asks_for_is_refused() -> None:
    with pytest.raises(PermissionError):
        _open_nothing("file:///etc/passwd", 1, {})
