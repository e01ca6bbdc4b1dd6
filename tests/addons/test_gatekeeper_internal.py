"""pict-rs's own API (`/internal/...`) through the gatekeeper: off unless enabled, files judged there too."""

from __future__ import annotations

import json

import pytest

from addons.gatekeeper import Forward
from addons.pictrs import multipart
from addons.pictrs.answers import Answer
from addons.pictrs.routes import INTERNAL_API
from tests.addons.desk import SETTINGS, Desk, parts, sent, status_of
from tests.running import FORBIDDEN

ALL = SETTINGS.model_copy(update={"internal_api": INTERNAL_API})
KEY = (b"X-Api-Token", b"key")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("POST /internal/import", 404),
        ("POST /internal/set_not_found", 404),
        ("GET /internal/aliases?alias=a.png", 404),
        ("DELETE /internal/variants", 404),
        ("POST /internal/export", 404),
        ("POST /internal/purge?alias=a.png", 0),
        ("POST /internal/delete?alias=a.png", 0),
    ],
)
async def test_two_routes_are_there_by_default(request_line: str, status: int) -> None:
    method, target = request_line.split()
    answer = await Desk().ask(method, target, KEY)
    assert (answer.status if isinstance(answer, Answer) else 0) == status


async def test_what_is_enabled_is_there_and_the_rest_is_not() -> None:
    desk = Desk(settings=SETTINGS.model_copy(update={"internal_api": ("aliases",)}))
    forward = await desk.ask("GET", "/internal/aliases?alias=a.png", KEY)
    assert isinstance(forward, Forward)
    assert (forward.method, forward.target) == ("GET", "/internal/aliases?alias=a.png")
    assert status_of(await desk.ask("POST", "/internal/purge?alias=a.png", KEY)) == 404


# Import


async def test_an_import_is_judged_and_keeps_its_names() -> None:
    desk = Desk(settings=ALL)
    forward = await desk.upload(b"one", target="/internal/import", filename="Some_alias-1.png", headers=(KEY,))
    assert isinstance(forward, Forward)
    assert (forward.method, forward.target) == ("POST", "/internal/import")
    assert [(part.filename, part.data) for part in parts(forward)] == [("Some_alias-1.png", b"one")]
    assert (b"x-api-token", b"key") in forward.headers
    assert [decision.source for decision in desk.decisions] == ["import"]


async def test_each_file_of_an_import_keeps_its_own_name() -> None:
    boundary = "b" * 20
    files = {"a.png": b"one", "b.png": b"two"}
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="images[]"; filename="{name}"\r\n\r\n'.encode()
        + data
        + b"\r\n"
        for name, data in files.items()
    )
    content_type = (b"Content-Type", f"multipart/form-data; boundary={boundary}".encode())
    forward = await Desk(settings=ALL).ask(
        "POST", "/internal/import", KEY, content_type, body=body + f"--{boundary}--\r\n".encode()
    )
    assert {part.filename: part.data for part in parts(forward)} == files


async def test_an_import_that_is_refused() -> None:
    desk = Desk(settings=ALL)
    assert status_of(await desk.upload(FORBIDDEN, target="/internal/import", filename="a.png")) == 400
    assert desk.judge.seen == [FORBIDDEN]


@pytest.mark.parametrize("name", ["a/b.png", "..", ".", "ä.png", "a b.png", "%2e%2e", "x" * 129, "a%22b"])
async def test_a_name_that_cannot_be_an_alias_is_refused_before_judging(name: str) -> None:
    desk = Desk(settings=ALL)
    assert status_of(await desk.upload(b"one", target="/internal/import", filename=name)) == 400
    assert desk.judge.seen == []


async def test_an_upload_has_a_name_that_says_nothing() -> None:
    forward = await Desk(settings=ALL).upload(b"one", filename="our holiday/1.png")
    assert [part.filename for part in parts(forward)] == [multipart.SAFE_FILENAME]


async def test_an_import_may_be_as_large_as_an_upload_and_waits_for_the_model() -> None:
    desk = Desk(settings=ALL)
    found = desk.gatekeeper.screen(b"POST", b"/internal/import", ())
    assert not isinstance(found, Answer)
    assert desk.gatekeeper.body_limit(found) == SETTINGS.limits.max_request_bytes
    assert desk.gatekeeper.share(found) == 1.0
    desk.inspector.judge = None
    assert status_of(await desk.ask("POST", "/internal/import")) == 503


# The one body that is no file


async def test_the_body_of_set_not_found_is_written_anew() -> None:
    forward = await Desk(settings=ALL).ask(
        "POST", "/internal/set_not_found", KEY, (b"Content-Type", b"text/plain"), body=b' { "alias" :"a.png"} '
    )
    assert isinstance(forward, Forward)
    assert json.loads(forward.body) == {"alias": "a.png"}
    assert b" " not in forward.body
    headers = dict(forward.headers)
    assert (headers[b"Content-Type"], headers[b"Content-Length"]) == (b"application/json", b"%d" % len(forward.body))
    assert headers[b"x-api-token"] == b"key"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"alias": "a/b"}', b'{"alias": "a.png", "proxy": "http://h/"}'])
async def test_another_body_is_refused(body: bytes) -> None:
    assert status_of(await Desk(settings=ALL).ask("POST", "/internal/set_not_found", KEY, body=body)) == 400


# Backgrounded


async def test_backgrounded_uploads_are_judged_first() -> None:
    desk = Desk()
    forward = await desk.upload(b"one", target="/image/backgrounded")
    assert isinstance(forward, Forward)
    assert (forward.method, forward.target, sent(forward)) == ("POST", "/image/backgrounded", [b"one"])
    assert status_of(await desk.upload(FORBIDDEN, target="/image/backgrounded")) == 400


@pytest.mark.parametrize(
    ("value", "target"),
    [("backgrounded=true", "/image/backgrounded"), ("backgrounded=false", "/image"), ("resize=9", "/image?resize=9")],
)
async def test_a_backgrounded_download_becomes_a_backgrounded_upload(value: str, target: str) -> None:
    forward = await Desk().ask("GET", f"/image/download?url=http%3A%2F%2Fh%2Fa.png&{value}")
    assert isinstance(forward, Forward)
    assert (forward.method, forward.target, sent(forward)) == ("POST", target, [b"fetched"])
