"""The pattern of all that pict-rs may be sent, against examples written by hand."""

from __future__ import annotations

import re

import pytest

from addons.pictrs.canonical import CANONICAL, path_pattern

S = "http%3A%2F%2F127.0.0.1%3A8082%2Fv%2Fabc-_1"

SENT = [
    "/image", "/image?resize=512", "/image?max_width=1&allow_video=false", "/image/backgrounded?thumbnail=9",
    "/image/backgrounded/claim?upload_id=a-1", "/image/original/a.jpg", "/image/original?alias=a.jpg",
    f"/image/original?proxy={S}", f"/image/process.webp?proxy={S}&thumbnail=96", "/image/process.jpg?src=a&crop=1x2",
    "/image/process.png?alias=a&resize=Lanczos.a9&blur=1.5&identity=", f"/image/details/process.gif?proxy={S}",
    f"/image/process_backgrounded.avif?proxy={S}&resize=9", f"/image/blurhash?proxy={S}", "/image/delete/tok/a.jpg",
    "/healthz", "/internal/import?max_area=9", f"/internal/purge?proxy={S}", "/internal/delete?alias=a",
    "/internal/hashes?slug=YQ%3D%3D&limit=9", "/internal/hashes?timestamp=2026-01-02T03%3A04%3A05.6%2B01%3A00",
    "/internal/set_not_found", "/internal/prune_missing?force=true", "/internal/limits",
    "/image/original?proxy=http%3A%2F%2F%5Bfd00%3A%3A1%5D%3A1%2Fv%2Fx",
]  # fmt: skip
NEVER = [
    "", "/", "/image/", "//image", "/image?", "/image?&", "/image?resize=1&", "/image?crop=1x1", "/image?resize=x",
    "/image?resize=1&resize=2", "/image?resize=1&max_area=1&resize=1", "/im%61ge", "/image#x", "http://h/image",
    "/image\n", "/image HTTP/1.1", "/image/download", "/image/download?url=http%3A%2F%2Fh%2Fa", "/image/original",
    "/image/original/..", "/image/original/.", "/image/delete/../a", "/image/delete/a/..", "/image/original?alias=..",
    "/image/original?alias=..&", "/image/process.png?alias=..&blur=1", "/image/original?proxy=http%3A%2F%2Fh%2Fa",
    "/image/original?proxy=http://127.0.0.1:8082/v/abc", f"/image/original?proxy={S}&proxy={S}",
    f"/image/original?proxy={S}&alias=a", f"/image/original?alias=a&proxy={S}", f"/image/original?proxy={S}%2Fa",
    f"/image/original?proxy={S}&thumbnail=1", f"/image/process.zzz?proxy={S}",
    f"/image/process.webp?thumbnail=1&proxy={S}",
    "/image/process.webp?src=a&src=b", "/image/process.webp?src=a&CROP=1x1", "/image/process.webp", "/internal/purge",
    "/internal/hashes?timestamp=2026-01-02T03:04:05Z", "/internal/hashes?slug=YQ==", "/internal/filename?alias=a",
    f"/image/process.webp?proxy={S}&thumbnail=1&proxy={S}", "/healthz?x", "//internal/purge?alias=a",
    "/image/original/a.jpg?x=1", "/image/original?", "/image/process.webp?&thumbnail=1",
    f"/image/original?proxy={S.lower()}",
]  # fmt: skip


@pytest.mark.parametrize("target", SENT)
def test_canonical_targets(target: str) -> None:
    assert CANONICAL.fullmatch(target.encode())


@pytest.mark.parametrize("target", NEVER)
def test_everything_else(target: str) -> None:
    assert not CANONICAL.fullmatch(target.encode())


def test_a_path_stands_as_it_is_but_for_its_placeholders() -> None:
    found = re.compile(path_pattern("/a.b/{token}/{name}.{format}"))
    assert found.fullmatch("/a.b/x/y.webp")
    assert not found.fullmatch("/aXb/x/y.webp")
    assert not found.fullmatch("/a.b/x/z/y.webp")
    assert not found.fullmatch("/a.b/x/y.exe")
    assert found.groups == 0
