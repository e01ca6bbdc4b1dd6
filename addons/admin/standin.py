"""A stand-in for pict-rs: it answers the demo's requests as pict-rs 0.5 does, and keeps uploads in a folder.

It judges nothing: whatever reaches it and looks like media by its first bytes is stored and served, so what is not
in its folder was kept out by the filter. It decodes nothing either: width and height are what the file's head claims
(0 where that is not read), the blurhash is always the same. Not for production: it forgets everything at its end.
"""

from __future__ import annotations

import asyncio
import datetime
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import BadHttpMessage

MAX_FILE_BYTES = 40 * 1024 * 1024
"""Size of one file, in bytes: pict-rs's own default (`media.max_file_size`, 40)."""

CLOSE_SECONDS = 1.0  # for answers on their way when the stand-in is closed; the demo is over then
BLURHASH = "000000"  # one black component, in the blurhash's own alphabet
SIGNATURES = (
    # offset, magic, second offset, second magic, content type, extension as pict-rs names it
    (0, b"\xff\xd8\xff", 0, b"", "image/jpeg", "jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", 0, b"", "image/png", "png"),
    (0, b"GIF8", 0, b"", "image/gif", "gif"),
    (0, b"RIFF", 8, b"WEBP", "image/webp", "webp"),
    (4, b"ftyp", 8, b"avi", "image/avif", "avif"),
    (4, b"ftyp", 0, b"", "video/mp4", "mp4"),
    (0, b"\x1a\x45\xdf\xa3", 0, b"", "video/webm", "webm"),
)
FORMATS = {"image/gif": "Animation", "video/mp4": "Video", "video/webm": "Video"}  # every GIF is one to pict-rs 0.5


class StandIn:
    """A pict-rs 0.5 in small. `folder` is made if it is not there; `max_file_bytes` bounds one file."""

    def __init__(self, folder: Path, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self._kept: dict[str, _Kept] = {}
        self._runner: web.AppRunner | None = None
        self._address = ("127.0.0.1", 0)

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at the end."""
        return f"http://{self._address[0]}:{self._address[1]}"

    def stored(self) -> set[str]:
        """Names of the files that lie in the folder now."""
        return {path.name for path in self._folder.iterdir()}

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 lets the system choose. Raises OSError where that address cannot be had."""
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        application = web.Application(middlewares=[_bare_errors])
        application.add_routes(
            [
                web.post("/image", self._upload),
                web.get("/image/download", self._download, allow_head=False),
                web.get("/image/original/{alias}", self._original),
                web.get("/image/details/original/{alias}", self._details, allow_head=False),
                web.get("/image/delete/{token}/{alias}", self._delete, allow_head=False),
                web.delete("/image/delete/{token}/{alias}", self._delete),
                web.get("/healthz", self._healthz, allow_head=False),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=CLOSE_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self._address = (host, self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening. What was stored stays in the folder."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _upload(self, request: web.Request) -> web.Response:
        try:
            data = await self._only_file(request)
        except _UploadError as refused:
            return _error(refused.status, refused.code, str(refused))
        except (ValueError, RuntimeError, BadHttpMessage) as error:  # how aiohttp says that a body is malformed
            return _error(400, "file-upload-error", f"Malformed multipart body: {error}")
        content_type, extension = _recognise(data)
        if not extension:
            return _error(400, "command-failure", "Invalid media file provided")
        alias = f"{uuid.uuid4()}.{extension}"
        width, height = _size(data, content_type)
        details = {
            "blurhash": BLURHASH,
            "content_type": content_type,
            "created_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "format": FORMATS.get(content_type, "Image"),
            "frames": None,
            "height": height,
            "width": width,
        }
        await asyncio.to_thread((self._folder / alias).write_bytes, data)
        self._kept[alias] = kept = _Kept(str(uuid.uuid4()), details)
        file = {"file": alias, "delete_token": kept.token, "details": details}
        return web.json_response({"msg": "ok", "files": [file]}, status=201)

    async def _only_file(self, request: web.Request) -> bytes:
        """The one file of the body, whole; nothing is stored before its end was seen."""
        if not request.content_type.startswith("multipart/"):
            raise _UploadError(
                400, "file-upload-error", "Parsed Content-Type did not have 'multipart' top-level media type"
            )
        data: bytearray | None = None
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or part.name != "images[]":
                raise _UploadError(400, "file-upload-error", "Found field with unexpected name or type")
            if part.filename is None:
                raise _UploadError(400, "file-upload-error", "Filename is missing")
            if data is not None:
                raise _UploadError(400, "file-upload-error", "Too many files in request")
            data = bytearray()
            while chunk := await part.read_chunk():
                data += chunk
                if len(data) > self._max_file_bytes:
                    raise _UploadError(413, "validate-file-size", "File too large")
        if data is None:
            raise _UploadError(400, "validate-no-files", "No files present in upload")
        return bytes(data)

    async def _download(self, request: web.Request) -> web.Response:
        return _error(400, "download-file-error", "the stand-in does not fetch")

    async def _original(self, request: web.Request) -> web.StreamResponse:
        alias = request.match_info["alias"]
        kept = self._kept.get(alias)
        if kept is None:
            return web.Response(status=404)
        return web.FileResponse(self._folder / alias, headers={"Content-Type": kept.details["content_type"]})

    async def _details(self, request: web.Request) -> web.Response:
        kept = self._kept.get(request.match_info["alias"])
        if kept is None:
            return _error(404, "alias-not-found", "Requested a file that doesn't exist")
        return web.json_response(kept.details)

    async def _delete(self, request: web.Request) -> web.Response:
        alias = request.match_info["alias"]
        kept = self._kept.get(alias)
        if kept is not None:
            if request.match_info["token"] != kept.token:
                return _error(403, "invalid-delete-token", "Provided token did not match expected token")
            del self._kept[alias]
            await asyncio.to_thread((self._folder / alias).unlink, missing_ok=True)
        return web.Response(status=204)  # for what is not there, too: so does pict-rs 0.5

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response()


@dataclass(frozen=True)
class _Kept:
    token: str
    details: dict[str, Any]


class _UploadError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"code": code, "msg": message}, status=status)


@web.middleware
async def _bare_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """An unknown route answers 404 and an unknown method mostly 405, without a body, as pict-rs does."""
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
        return web.Response(status=404 if request.path in ("/image", "/healthz") else error.status)


def _recognise(data: bytes) -> tuple[str, str]:
    """(content type, extension) by the first bytes, ("", "") for what is no media at all."""
    for offset, magic, second, more, content_type, extension in SIGNATURES:
        if data.startswith(magic, offset) and data.startswith(more, second):
            return content_type, extension
    return "", ""


def _size(data: bytes, content_type: str) -> tuple[int, int]:
    """(width, height) as the head of a JPEG, PNG or GIF claims them, (0, 0) for anything else."""
    if content_type == "image/png":
        return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])  # IHDR, always first
    if content_type == "image/gif":
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    position = 2 if content_type == "image/jpeg" else len(data)
    while position + 9 <= len(data) and data[position] == 0xFF:
        if data[position + 1] in range(0xC0, 0xD0) and data[position + 1] not in (0xC4, 0xC8, 0xCC):  # a frame header
            return int.from_bytes(data[position + 7 : position + 9]), int.from_bytes(data[position + 5 : position + 7])
        position += 2 + int.from_bytes(data[position + 2 : position + 4])
    return 0, 0
