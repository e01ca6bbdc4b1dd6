"""The client of the self-test and the demo: what it sends, what it reads, and its words when nothing answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import NoReturn

import pytest

from addons.pictrs import client as room
from addons.pictrs import multipart
from addons.pictrs.client import ClientError, PictrsClient, Reply
from tests.http1 import write_answer
from tests.ports import closed_address
from tests.recorder import Recorder


async def test_an_upload_is_one_file_in_a_form(recorder: Recorder) -> None:
    async with PictrsClient(recorder.url + "/") as client:
        reply = await client.upload(b"picture", "image/png")
    assert (reply.status, reply.alias, reply.delete_token) == (201, "recorded.png", "recorded")
    (request,) = recorder.requests
    assert (request.method, request.target) == ("POST", "/image")
    content_type = [value.encode() for value in request.header("Content-Type")]
    (part,) = multipart.parse(content_type, request.body, max_files=1, max_file_bytes=7)
    assert part.data == b"picture"
    assert b"Content-Type: image/png\r\n" in request.body


Asked = Callable[[PictrsClient], Awaitable[Reply]]


@pytest.mark.parametrize(
    ("ask", "target"),
    [
        pytest.param(
            lambda client: client.download("http://h/a b?c=d&e=%2F"),
            "/image/download?url=http%3A%2F%2Fh%2Fa%20b%3Fc%3Dd%26e%3D%252F",
            id="download",
        ),
        pytest.param(lambda client: client.original("a/b?.png"), "/image/original/a%2Fb%3F.png", id="original"),
        pytest.param(lambda client: client.delete("a.png", "to/ken"), "/image/delete/to%2Fken/a.png", id="delete"),
    ],
)
async def test_what_is_asked_with_get(recorder: Recorder, ask: Asked, target: str) -> None:
    async with PictrsClient(recorder.url) as client:
        assert (await ask(client)).body == b"recorded"
    assert [(request.method, request.target) for request in recorder.requests] == [("GET", target)]


@pytest.mark.parametrize(
    ("body", "msg", "code", "alias", "token"),
    [
        pytest.param(
            b'{"msg":"ok","files":[{"file":"a.png","delete_token":"t"},{}]}', "ok", "", "a.png", "t", id="stored"
        ),
        pytest.param(b'{"msg":"no","code":"c","files":[]}', "no", "c", None, None, id="refused"),
        pytest.param(b'{"msg":"ok","files":[{"file":"a.png"}]}', "ok", "", "a.png", None, id="without-a-token"),
        pytest.param(b'{"msg":1,"code":null,"files":[{"file":2}]}', "", "", None, None, id="other-types"),
        pytest.param(b'{"files":{"file":"a.png"}}', "", "", None, None, id="files-no-list"),
        pytest.param(b'{"files":["a.png"]}', "", "", None, None, id="a-file-no-object"),
        pytest.param(b'["msg"]', "", "", None, None, id="a-list"),
        pytest.param(b"<html>", "", "", None, None, id="a-page"),
        pytest.param(b"\xff\xd8\xff", "", "", None, None, id="a-picture"),
        pytest.param(b"", "", "", None, None, id="nothing"),
        pytest.param(b"[" * 100_000, "", "", None, None, id="deeply-nested"),
    ],
)
def test_reading_an_answer(body: bytes, msg: str, code: str, alias: str | None, token: str | None) -> None:
    assert Reply.read(418, body) == Reply(418, msg, code, alias, token, body)


async def test_a_redirect_is_an_answer_and_not_followed(recorder: Recorder) -> None:
    recorder.answer = lambda request: write_answer(302, headers={"Location": "/elsewhere"})
    async with PictrsClient(recorder.url) as client:
        assert (await client.original("a.png")).status == 302
    assert len(recorder.requests) == 1


async def test_a_proxy_in_the_environment_is_not_asked(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    async with PictrsClient(recorder.url) as client:
        assert (await client.original("a.png")).status == 200


@pytest.mark.parametrize("beyond", [0, 1])
async def test_how_much_of_an_answer_is_read(recorder: Recorder, monkeypatch: pytest.MonkeyPatch, beyond: int) -> None:
    size = 300_000  # comes in several pieces
    monkeypatch.setattr(room, "MAX_ANSWER_BYTES", size)
    recorder.answer = lambda request: write_answer(200, b"x" * (size + beyond))
    async with PictrsClient(recorder.url) as client:
        assert (await client.original("a.png")).body == b"x" * size


@pytest.mark.parametrize(
    ("url", "why"),
    [
        pytest.param("http://127.0.0.1:{}", "Connection refused", id="closed-port"),
        pytest.param("https://127.0.0.1:{}", "Connection refused", id="closed-port-https"),
        pytest.param("http://a..b:{}", "that is not an address", id="name-with-an-empty-label"),
        pytest.param("http://[::1:{}", "that is not an address", id="half-a-bracket"),
        pytest.param("http://127.0.0.1:1{}", "that is not an address", id="port-too-high"),
        pytest.param("127.0.0.1:{}", "that is not an address", id="no-scheme"),
        pytest.param("http://:{}", "that is not an address", id="no-host"),
    ],
)
async def test_where_nothing_answers(url: str, why: str) -> None:
    with closed_address() as (_, port):
        url = url.format(port if "1{}" not in url else 99999)
        async with PictrsClient(url) as client:
            with pytest.raises(ClientError) as caught:
                await client.original("a.png")
    assert str(caught.value) == f"no answer from {url}: {why}"


async def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with PictrsClient("http://pictrs:8080") as client:
        with pytest.raises(ClientError, match="no answer from http://pictrs:8080: Name or service not known"):
            await client.original("a.png")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param(b"", "Server disconnected", id="hangs-up"),
        pytest.param(b"SSH-2.0-x\r\n\r\n", "what is there does not speak HTTP", id="speaks-something-else"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "it broke off", id="breaks-off"),
    ],
)
async def test_what_is_no_answer(said: bytes, why: str) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(say, "127.0.0.1", 0) as server:
        url = "http://{}:{}".format(*server.sockets[0].getsockname())
        async with PictrsClient(url) as client:
            with pytest.raises(ClientError) as caught:
                await client.original("a.png")
    assert str(caught.value) == f"no answer from {url}: {why}"


async def test_silence_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "REQUEST_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with PictrsClient(f"http://127.0.0.1:{silent.getsockname()[1]}") as client:
            with pytest.raises(ClientError, match=r"nothing came within 0\.05 seconds"):
                await client.upload(b"picture", "image/png")
