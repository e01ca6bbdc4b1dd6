"""A small client of pict-rs's API, for the self-test and the demo. What they speak to may be pict-rs or the filter."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from addons.pictrs import multipart

REQUEST_SECONDS = 30.0
"""Seconds for one request in all. Lemmy gives an upload 30 (from 0.19); a filter and pict-rs need less than 10."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""So many bytes of an answer are read: more than the largest picture that pict-rs stores by default."""


class ClientError(Exception):
    """No answer could be had; the message says from where and why."""


@dataclass(frozen=True)
class Reply:
    """An answer: HTTP status, `msg` (empty when there is none), the stored file's alias and delete token, raw body."""

    status: int
    msg: str
    code: str
    alias: str | None
    delete_token: str | None
    body: bytes

    @classmethod
    def read(cls, status: int, body: bytes) -> Self:
        """Read pict-rs's JSON; a body that is not that gives empty fields, whatever it is instead."""
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):  # RecursionError: lists in lists in lists
            found = None
        answer = found if isinstance(found, dict) else {}
        files = answer.get("files")
        first = files[0] if isinstance(files, list) and files and isinstance(files[0], dict) else {}
        return cls(
            status=status,
            msg=_text(answer, "msg") or "",
            code=_text(answer, "code") or "",
            alias=_text(first, "file"),
            delete_token=_text(first, "delete_token"),
            body=body,
        )


def _text(mapping: dict[object, object], key: str) -> str | None:
    value = mapping.get(key)
    return value if isinstance(value, str) else None


class PictrsClient:
    """Use as `async with PictrsClient("http://127.0.0.1:8081") as client`.

    Each method raises ClientError when no answer can be had; every answer that HTTP has, errors too, is a Reply.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        # getaddrinfo, as mitmproxy: the name of pict-rs may be one that only the system's own sources know
        connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def upload(self, data: bytes, mime: str) -> Reply:
        """POST one file to /image."""
        part = multipart.Part(filename="upload", content_type=mime, data=data)
        content_type, body = multipart.serialise([part])
        return await self._ask("POST", "/image", body, {"Content-Type": content_type})

    async def download(self, url: str) -> Reply:
        """Ask for a remote picture to be fetched and stored."""
        return await self._ask("GET", f"/image/download?url={quote(url, safe='')}")

    async def original(self, alias: str) -> Reply:
        """The stored file itself, in `body`."""
        return await self._ask("GET", f"/image/original/{quote(alias, safe='')}")

    async def delete(self, alias: str, token: str) -> Reply:
        """Delete a stored file by the token that its upload gave."""
        return await self._ask("GET", f"/image/delete/{quote(token, safe='')}/{quote(alias, safe='')}")

    async def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        try:
            url = URL(self._url + path, encoded=True)  # what is escaped stays so: yarl would take some of it back
            async with self._session.request(method, url, data=body, headers=headers, allow_redirects=False) as answer:
                content = bytearray()
                while chunk := await answer.content.read(MAX_ANSWER_BYTES - len(content)):
                    content += chunk
                return Reply.read(answer.status, bytes(content))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ClientError(f"no answer from {self._url}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    match error:
        case TimeoutError():
            return f"nothing came within {REQUEST_SECONDS:g} seconds"
        case ValueError() | aiohttp.NonHttpUrlClientError():  # ValueError: a host name that cannot be encoded, too
            return "that is not an address"
        case aiohttp.ClientResponseError():
            return "what is there does not speak HTTP"
        case aiohttp.ClientPayloadError():
            return "it broke off"
        case aiohttp.ClientConnectorError(os_error=ConnectionError(errno=int(number))):
            return os.strerror(number)  # without the words that asyncio puts in its place
        case aiohttp.ClientConnectorError(os_error=inner):
            return inner.strerror or str(inner)
    return str(error) or type(error).__name__
