"""The stand-in answers as pict-rs 0.5.25 does: one set of expectations, put to both. Then what it alone has."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import io
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from addons.admin.standin import StandIn
from tests.http1 import Answer, ask, form, upload
from tests.pictrs import RealPictrs

Address = tuple[str, int]
MIB = 1024 * 1024
LIMIT = 1 * MIB  # of one file, here; the default of both is 40 MiB
KEYS = {"blurhash", "content_type", "created_at", "format", "frames", "height", "width"}


def picture(format_: str = "JPEG", size: tuple[int, int] = (33, 17)) -> bytes:
    """A small file with a size that is not square."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, format_)
    return file.getvalue()


@contextlib.contextmanager
def standing_in(folder: Path) -> Iterator[StandIn]:
    """A stand-in on an event loop of its own, so that plain blocking requests can be put to it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    stand_in = StandIn(folder, LIMIT)
    try:
        asyncio.run_coroutine_threadsafe(stand_in.start(), loop).result(10)
        yield stand_in
    finally:
        asyncio.run_coroutine_threadsafe(stand_in.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def address_of(stand_in: StandIn) -> Address:
    host, _, port = stand_in.url.removeprefix("http://").partition(":")
    return host, int(port)


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with standing_in(tmp_path / "not" / "there" / "yet") as running:
        yield running


@pytest.fixture(
    scope="module", params=["stand-in", pytest.param("pict-rs 0.5.25", marks=pytest.mark.real, id="pict-rs")]
)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Either of the two, with the same limit."""
    if request.param == "stand-in":
        with standing_in(tmp_path_factory.mktemp("store")) as running:
            yield address_of(running)
    else:
        run_real: Callable[..., RealPictrs] = request.getfixturevalue("run_real")
        yield run_real("0.5.25", {"PICTRS__MEDIA__MAX_FILE_SIZE": str(LIMIT // MIB)}).address


@pytest.mark.parametrize(
    ("format_", "extension", "content_type", "kind"),
    [
        ("JPEG", "jpeg", "image/jpeg", "Image"),
        ("PNG", "png", "image/png", "Image"),
        ("GIF", "gif", "image/gif", "Animation"),
    ],
)
def test_an_upload_is_kept_described_and_served(
    server: Address, format_: str, extension: str, content_type: str, kind: str
) -> None:
    data = picture(format_)
    answer = upload(server, data)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (201, "application/json")
    assert answer.json().keys() == {"msg", "files"}
    assert answer.json()["msg"] == "ok"
    (file,) = answer.json()["files"]
    assert file.keys() == {"file", "delete_token", "details"}
    name, _, ending = file["file"].partition(".")
    assert ending == extension
    assert str(uuid.UUID(name)) == name
    assert str(uuid.UUID(file["delete_token"])) == file["delete_token"]
    details = file["details"]
    assert details.keys() == KEYS
    told = [details[key] for key in ("content_type", "format", "frames", "width", "height")]
    assert told == [content_type, kind, None, 33, 17]
    assert re.fullmatch(r"[0-9A-Za-z#$%*+,.:;=?@\[\]^_{|}~-]{6,}", details["blurhash"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", details["created_at"])
    assert datetime.datetime.fromisoformat(details["created_at"][:19]).year >= 2024

    told_later = ask(server, "GET", f"/image/details/original/{file['file']}")
    assert (told_later.status, told_later.json()) == (200, details)
    served = ask(server, "GET", f"/image/original/{file['file']}?unknown=1")
    assert (served.status, served.headers["Content-Type"]) == (200, content_type)
    with Image.open(io.BytesIO(served.body)) as shown, Image.open(io.BytesIO(data)) as sent:
        assert shown.convert("RGB").tobytes() == sent.convert("RGB").tobytes()
    head = ask(server, "HEAD", f"/image/original/{file['file']}")
    assert (head.status, head.body, head.headers["Content-Type"]) == (200, b"", content_type)
    assert head.headers["Content-Length"] == str(len(served.body))
    part = ask(server, "GET", f"/image/original/{file['file']}", headers={"Range": "bytes=1-3"})
    assert (part.status, part.body) == (206, served.body[1:4])
    etag = {"If-None-Match": served.headers["ETag"]}
    assert ask(server, "GET", f"/image/original/{file['file']}", headers=etag).status == 304


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_token_deletes(server: Address, method: str) -> None:
    (file,) = upload(server, picture(size=(5, len(method)))).json()["files"]
    alias, token = file["file"], file["delete_token"]
    wrong = ask(server, method, f"/image/delete/{uuid.uuid4()}/{alias}")
    assert (wrong.status, wrong.json().keys(), wrong.json()["code"]) == (403, {"code", "msg"}, "invalid-delete-token")
    assert ask(server, "GET", f"/image/original/{alias}").status == 200
    assert bare(ask(server, method, f"/image/delete/{token}/{alias}")) == (204, b"")
    assert bare(ask(server, "GET", f"/image/original/{alias}")) == (404, b"")
    assert bare(ask(server, method, f"/image/delete/{token}/{alias}")) == (204, b"")


def bare(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body


BOUNDARY = {"Content-Type": "multipart/form-data; boundary=zz"}
UPLOADS = [
    pytest.param(*form(picture(), name="images"), "file-upload-error", id="another field"),
    pytest.param(*form(picture(), picture("PNG")), "file-upload-error", id="two files"),
    pytest.param(*form(), "validate-no-files", id="no file"),
    pytest.param(
        BOUNDARY,
        b'--zz\r\nContent-Disposition: form-data; name="images[]"\r\n\r\nx\r\n--zz--\r\n',
        "file-upload-error",
        id="no file name",
    ),
    pytest.param(BOUNDARY, b"", "file-upload-error", id="empty"),
    pytest.param(BOUNDARY, b"neither\r\nthis nor that", "file-upload-error", id="no multipart inside"),
    pytest.param(
        BOUNDARY,
        b'--zz\r\nContent-Disposition: form-data; name="images[]"; filename="a"\r\n\r\n' + picture(),
        "file-upload-error",
        id="no end",
    ),
    pytest.param({"Content-Type": "multipart/form-data"}, form(picture())[1], "file-upload-error", id="no boundary"),
    pytest.param({"Content-Type": "image/jpeg"}, picture(), "file-upload-error", id="not multipart"),
    pytest.param({}, picture(), "file-upload-error", id="no type"),
    pytest.param(*form(b"hello, world"), "command-failure", id="not a picture"),
]


@pytest.mark.parametrize(("headers", "body", "code"), UPLOADS)
def test_an_upload_that_is_none_is_refused(server: Address, headers: dict[str, str], body: bytes, code: str) -> None:
    answer = ask(server, "POST", "/image", body, headers)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (400, "application/json")
    assert answer.json().keys() == {"code", "msg"}
    assert answer.json()["code"] == code
    assert answer.json()["msg"]


@pytest.mark.parametrize(
    ("size", "status", "code"), [(LIMIT, 400, "command-failure"), (LIMIT + 1, 413, "validate-file-size")]
)
def test_a_file_has_a_greatest_size(server: Address, size: int, status: int, code: str) -> None:
    answer = upload(server, bytes(size))  # zeros are no picture, which is only found out when they may be that many
    assert (answer.status, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/healthz", 200, None),
        ("HEAD", "/healthz", 404, None),
        ("GET", "/image", 404, None),
        ("PUT", "/image", 404, None),
        ("DELETE", "/image/original/none.png", 405, None),
        ("HEAD", "/image/details/original/none.png", 405, None),
        ("HEAD", "/image/delete/token/none.png", 405, None),
        ("GET", "/image/", 404, None),
        ("GET", "//image", 404, None),
        ("GET", "/nothing", 404, None),
        ("GET", "/image/original/none.png", 404, None),
        ("HEAD", "/image/original/none.png", 404, None),
        ("GET", "/image/original/..%2F..%2Fetc%2Fpasswd", 404, None),
        ("GET", "/image/details/original/none.png", 404, "alias-not-found"),
        ("GET", "/image/delete/token/none.png", 204, None),
        ("GET", "/image/download?url=http://127.0.0.1:1/a.png", 400, "download-file-error"),
    ],
)
def test_the_other_routes(server: Address, method: str, target: str, status: int, code: str | None) -> None:
    answer = ask(server, method, target)
    if code is None:
        assert bare(answer) == (status, b"")
    else:
        assert (answer.status, answer.json().keys(), answer.json()["code"]) == (status, {"code", "msg"}, code)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_what_is_stored_is_what_was_sent(stand_in: StandIn, format_: str, tmp_path: Path) -> None:
    assert stand_in.stored() == set()
    data = picture(format_)
    (file,) = upload(address_of(stand_in), data).json()["files"]
    assert stand_in.stored() == {file["file"]}
    (path,) = tmp_path.rglob(file["file"])
    assert path.read_bytes() == data
    served = ask(address_of(stand_in), "GET", f"/image/original/{file['file']}")
    assert (served.body, served.headers["Content-Type"]) == (data, f"image/{format_.lower()}")
    ask(address_of(stand_in), "GET", f"/image/delete/{file['delete_token']}/{file['file']}")
    assert stand_in.stored() == set()


@pytest.mark.parametrize(("headers", "body", "code"), UPLOADS)
def test_what_is_refused_is_not_stored(stand_in: StandIn, headers: dict[str, str], body: bytes, code: str) -> None:
    assert ask(address_of(stand_in), "POST", "/image", body, headers).status == 400
    assert stand_in.stored() == set()


@pytest.mark.parametrize("length", range(0, 64, 3))
def test_a_cut_file_does_not_stop_it(stand_in: StandIn, length: int) -> None:
    for format_ in ("JPEG", "PNG", "GIF"):
        assert upload(address_of(stand_in), picture(format_)[:length]).status in (201, 400)
    assert ask(address_of(stand_in), "GET", "/healthz").status == 200


def test_the_size_stands_in_the_frame_header_and_nowhere_else(stand_in: StandIn) -> None:
    before = b"\xff\xd8" + b"".join(b"\xff" + bytes([marker, 0, 9]) + b"\xee" * 7 for marker in (0xC4, 0xC8, 0xCC))
    (file,) = upload(address_of(stand_in), before + picture()[2:]).json()["files"]
    assert (file["details"]["width"], file["details"]["height"]) == (33, 17)


def test_closed_it_is_gone_and_what_it_stored_is_not(tmp_path: Path) -> None:
    with standing_in(tmp_path) as stand_in:
        upload(address_of(stand_in), picture())
    assert len(stand_in.stored()) == 1
    with pytest.raises(ConnectionRefusedError):
        ask(address_of(stand_in), "GET", "/healthz")
