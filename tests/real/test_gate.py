"""The filter before the real pict-rs: what it does to pictures in every format, and to requests that bring none.

Every way in is in test_ingest.py. The model is an ImageNet classifier, and the forbidden class is: cats.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator

import pytest

from addons.pictrs.multipart import Part, serialise
from tests.conftest import RunReal
from tests.http1 import ask, upload
from tests.pictrs import VERSIONS
from tests.real.conftest import (
    NOTHING,
    Scene,
    assert_rejected,
    cat,
    escaped,
    fresh,
    holding,
    looks_like,
    pixels,
    wait_for,
)
from tests.running import listen

FORMATS = ("jpeg", "png", "webp", "gif", "avif")
ONE_FILE = ("0.5", "0.6")  # an upload may hold one file by default


@pytest.fixture(scope="module", params=VERSIONS)
def scene(request: pytest.FixtureRequest, run_real: RunReal) -> Iterator[Scene]:
    """One version after the other: mitmproxy knows only one master in a process."""
    with Scene(run_real(request.param)) as scene:
        yield scene


@pytest.mark.parametrize("kind", FORMATS)
def test_an_ordinary_picture_arrives_as_it_is(scene: Scene, kind: str) -> None:
    sent = fresh(kind)
    answer = upload(scene.gate.address, sent)
    assert sent in scene.tap.raw[-1]
    assert scene.gate.decisions[-1].verdict.media == kind
    direct = upload(scene.real.address, fresh(kind))
    assert (answer.status, set(answer.json())) == (direct.status, set(direct.json()))
    if (scene.line, kind) == ("0.3", "avif"):  # which it does not know
        assert answer.status >= 400
        return
    served = scene.served(answer)
    if kind == "gif" and not served.startswith(b"GIF8"):  # older ones may make a video of it: MP4, WebM
        assert scene.line in ("0.3", "0.4")
        assert served[4:8] == b"ftyp" or served.startswith(b"\x1a\x45\xdf\xa3")
        return
    assert looks_like(served, sent)
    if scene.line in ONE_FILE:
        assert (pixels(served) == pixels(sent)).all()


def test_one_forbidden_file_keeps_out_all(scene: Scene) -> None:
    before, forwarded = holding(scene.real), scene.forwarded
    assert_rejected(upload(scene.gate.address, fresh(), cat()))
    assert scene.gate.decisions[-1].verdict.rule == "no-cats"
    assert_rejected(upload(scene.gate.address, cat(), fresh()))
    assert scene.forwarded == forwarded
    assert holding(scene.real) - before == NOTHING


@pytest.mark.parametrize("data", [b"no picture at all", fresh("jpeg")[:-200]], ids=["text", "cut off"])
def test_what_cannot_be_judged_never_arrives(scene: Scene, data: bytes) -> None:
    before, forwarded = holding(scene.real), scene.forwarded
    answer = upload(scene.gate.address, data)
    assert (answer.status, answer.json()["code"]) == (400, "failed-external-validation")
    assert scene.gate.decisions[-1].verdict.cause in ("unsupported", "undecodable")
    assert scene.forwarded == forwarded
    assert holding(scene.real) - before == NOTHING


def test_a_download_is_answered_like_an_upload(scene: Scene) -> None:
    url = scene.site.put("/ordinary.png?w=1&h=2", fresh())
    answer = scene.get(f"/image/download?url={escaped(url)}")
    assert scene.tap.requests[-1].method == "POST"
    direct = upload(scene.real.address, fresh())
    assert (answer.status, set(answer.json())) == (direct.status, set(direct.json()))
    assert set(answer.json()["files"][0]) == set(direct.json()["files"][0])


def test_a_remote_error_is_told_in_pictrs_shape(scene: Scene) -> None:
    forwarded = scene.forwarded
    answer = scene.get(f"/image/download?url={escaped(scene.site.url + '/nowhere')}")
    assert (answer.status, answer.json()["code"], answer.json()["files"]) == (400, "download-file-error", [])
    assert scene.forwarded == forwarded


def test_what_is_stored_can_be_looked_at_and_deleted(scene: Scene) -> None:
    stored = upload(scene.gate.address, fresh("jpeg")).json()["files"][0]
    alias = stored["file"]
    assert scene.get(f"/image/details/original/{alias}").json()["content_type"] == "image/jpeg"
    small = scene.get(f"/image/process.webp?src={alias}&thumbnail=96")
    assert small.status == 200
    assert max(pixels(small.body).shape) == 96
    direct, part = (ask(at, "GET", f"/image/original/{alias}", None, {"Range": "bytes=0-9"})
                    for at in (scene.real.address, scene.gate.address))  # fmt: skip
    assert (part.status, part.body) == (206, direct.body)
    assert part.headers["content-range"] == direct.headers["content-range"]
    assert scene.get(f"/image/delete/{stored['delete_token']}/{alias}", "DELETE").status == 204
    assert scene.get(f"/image/original/{alias}").status == 404


@pytest.mark.parametrize("name", ["purge", "delete"])
def test_what_is_stored_can_be_purged(scene: Scene, name: str) -> None:
    alias = upload(scene.gate.address, fresh()).json()["files"][0]["file"]
    target, key = f"/internal/{name}?alias={alias}", {"x-api-token": scene.real.api_key}
    assert scene.get(target, "POST").status == 401
    twin = upload(scene.real.address, fresh()).json()["files"][0]["file"]
    direct = ask(scene.real.address, "POST", f"/internal/{name}?alias={twin}", headers=key)
    assert scene.get(target, "POST", x_api_token=scene.real.api_key).status == direct.status
    if direct.status == 200:  # 0.3 and 0.4 know no `delete`
        wait_for(lambda: scene.get(f"/image/original/{alias}").status == 404)
    else:
        assert (scene.line, name) in (("0.3", "delete"), ("0.4", "delete"))


def test_lemmys_double_slash_is_answered_by_nobody(scene: Scene) -> None:
    alias = upload(scene.gate.address, fresh()).json()["files"][0]["file"]
    target, key = f"//internal/purge?alias={alias}", {"x-api-token": scene.real.api_key}
    forwarded = scene.forwarded
    assert ask(scene.real.address, "POST", target, headers=key).status == 404
    assert ask(scene.gate.address, "POST", target, headers=key).status == 404
    assert scene.forwarded == forwarded
    assert scene.get(f"/image/original/{alias}").status == 200


def test_health_is_pictrs_own(scene: Scene) -> None:
    direct, through = ask(scene.real.address, "GET", "/healthz"), scene.get("/healthz")
    assert (through.status, through.body) == (direct.status, direct.body)


def test_two_files_stay_two_however_the_network_cuts_them(scene: Scene) -> None:
    # actix-multipart before 0.8 takes two files for one when a read ends behind the hyphens of a delimiter, unless each
    # part says its length. Shown on the body that the filter writes, sent in two pieces.
    real = scene.real
    files = [fresh(), fresh()]
    content_type, body = serialise([Part("upload", "image/png", data) for data in files])
    boundary = content_type.partition("boundary=")[2].encode()
    cut = body.index(b"\r\n--" + boundary, 1) + len(b"\r\n--")
    head = f"POST /image HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(real.address, timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head.encode() + body[:cut])
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)  # it waits for the rest
        connection.sendall(body[cut:])
        heard = listen(connection, 30)
    if scene.line in ONE_FILE:
        assert b"Too many files" in heard
    else:
        assert heard.count(b'"delete_token"') == 2
        assert {hashlib.sha256(data).hexdigest() for data in files} <= set(real.stored_files().values())
