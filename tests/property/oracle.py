"""What may stand at pict-rs's door: every request that a recorder in its place has seen is held against this.

    faults    what is wrong with the bytes of one connection to pict-rs
    staged    what is wrong with what pict-rs was given for a staged address
    spoken    what is wrong with what a client heard

Rules this file keeps: nothing of addons/ is at work here but CANONICAL, beside a list of routes written by hand; a
file counts as judged only if FakeJudge has let exactly its bytes through; where two readers of a form differ, that is a
fault, whichever is right.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import multipart

from addons.pictrs.canonical import CANONICAL
from tests.addons.pictrs import actix
from tests.property import strict
from tests.property.strict import Message, NotStrict
from tests.running import FORBIDDEN

HEADERS = frozenset(
    {
        *("host", "x-pictrs-filter", "accept", "range", "if-range", "if-match", "if-none-match"),
        *("if-modified-since", "if-unmodified-since"),
    }
)
"""Fields of any request. Further: content-type and content-length with a body, x-api-token below /internal/."""
ANSWER_HEADERS = frozenset(
    {
        *("accept-ranges", "allow", "cache-control", "connection", "content-disposition", "content-length"),
        *("content-range", "content-type", "date", "etag", "expires", "last-modified", "location", "retry-after"),
        *("transfer-encoding", "vary"),
    }
)
"""Fields of any answer."""
PLACEHOLDER = Path(__file__).parents[2] / "model" / "placeholder.png"
"""What stands in place of a refused picture, where pictures are asked for first."""
NEEDED = ("host", "x-pictrs-filter")

_NAME = r"(?!\.\.?(?:[/?&]|$))[A-Za-z0-9._-]{1,128}"
_EXT = r"(?:apng|avif|gif|jpe?g|jxl|png|webp)"
_LIMIT = r"(?:max_width|max_height|max_area|max_frame_count|max_file_size)=[0-9]{1,9}"
_INGEST = rf"(?:{_LIMIT}|allow_(?:image|animation|video)=(?:true|false)|(?:resize|thumbnail)=[0-9]{{1,5}})"
_STEP = (
    r"(?:resize=(?:[A-Za-z0-9]{0,20}\.a?)?[0-9]{1,9}|thumbnail=[0-9]{1,5}|crop=[0-9]{1,2}x[0-9]{1,2}"
    r"|blur=[0-9.]{1,11}|identity=(?:true|false)?)"
)
_PROXY = r"proxy=http%3A%2F%2F127\.0\.0\.1%3A[0-9]{1,5}%2Fv%2F[A-Za-z0-9_-]{22,16384}"
_ONE = rf"(?:alias={_NAME}|{_PROXY})"
_PROCESS = rf"{_EXT}\?(?:(?:src|alias)={_NAME}|{_PROXY})(?:&{_STEP})*"
_PAGE = r"(?:limit=[0-9]{1,9}|slug=[A-Za-z0-9_-]{1,254}(?:%3D){0,2}|timestamp=[0-9TZ.%AB-]{20,60})"

ROUTES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"POST (?:/image|/image/backgrounded|/internal/import)(?:\?{_INGEST}(?:&{_INGEST})*)?",
        rf"GET /image/backgrounded/claim\?upload_id={_NAME}",
        rf"(?:GET|HEAD) /image/original/{_NAME}",
        rf"(?:GET|HEAD) /image/original\?{_ONE}",
        rf"(?:GET|HEAD) /image/process\.{_PROCESS}",
        rf"GET /image/process_backgrounded\.{_PROCESS}",
        rf"GET /image/details/original/{_NAME}",
        rf"GET /image/details/original\?{_ONE}",
        rf"GET /image/details/process\.{_PROCESS}",
        rf"GET /image/blurhash\?{_ONE}",
        rf"(?:GET|DELETE) /image/delete/{_NAME}/{_NAME}",
        r"GET /healthz",
        rf"POST /internal/(?:purge|delete)\?{_ONE}",
        rf"GET /internal/(?:aliases|identifier)\?{_ONE}",
        r"POST /internal/set_not_found",
        r"DELETE /internal/variants",
        rf"GET /internal/hashes(?:\?{_PAGE}(?:&{_PAGE})*)?",
        r"POST /internal/prune_missing(?:\?force=(?:true|false))?",
        r"POST /internal/export",
        r"GET /internal/limits",
    )
)
"""Every request line but its version, written by hand from pict-rs's own list of routes."""

_FILES = re.compile(r"POST (?:/image|/image/backgrounded|/internal/import)(?:\?|$)")
_FORM = re.compile(r"multipart/form-data; boundary=([0-9a-f]{48})")
_ALIAS = re.compile(rb'\{"alias":"(?!\.\.?")[A-Za-z0-9._-]{1,128}"\}')
_PART = re.compile(
    rb'Content-Disposition: form-data; name="images\[\]"; filename="(?!\.\.?")([A-Za-z0-9._-]{1,128})"\r\n'
    rb"Content-Type: [a-z]+/[a-z0-9.+-]+\r\nContent-Length: (0|[1-9][0-9]*)\r\n\r\n"
)


@dataclass(frozen=True)
class Rules:
    """What is right for this run.

    host        of pict-rs, as it stands in a Host field
    callback    how staged addresses begin: `http://HOST:PORT/v/`
    passed      SHA-256 of every file that the judge has let through
    secrets     what may stand in no head: what a client sent in fields that are not passed on
    """

    host: str
    callback: str
    passed: Collection[str]
    secrets: tuple[str, ...] = ()


def faults(record: bytes, rules: Rules) -> list[str]:
    """What is wrong with the bytes of one connection, a sentence each; empty when all is well."""
    try:
        found = strict.requests(record)
    except NotStrict as error:
        return [f"cannot be read in one way only: {error}"]
    return [f"{' '.join(request.start)[:200]}: {fault}" for request in found for fault in _request(request, rules)]


def staged(status: int, body: bytes, rules: Rules, had: bytes | None = None, *, turns: bool = False) -> list[str]:
    """What is wrong with an answer of the callback listener to pict-rs.

    `had` is what pict-rs says that it has; `turns`: another picture lies at the address each time.
    """
    if status == 200:
        return [] if _sha256(body) in rules.passed else ["staged bytes that were not judged"]
    if status == 304:
        if body:
            return ["a 304 with a body"]
        if had is None:
            return ["a 304 to somebody who has nothing"]
        return ["a 304 for a picture that has changed"] if turns else []
    return [] if is_ours(body) else [f"an answer to pict-rs that is not ours: {status}, {body[:100]!r}"]


def turns(url: str) -> bool:
    """Whether a staged address stands for one of the site's that is another picture each time (a seal is base64)."""
    token = url.rpartition("/")[2]
    return b"/turns/" in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def spoken(heard: bytes, head_asked: bool, rules: Rules, pictrs: Collection[bytes]) -> list[str]:
    """What is wrong with what a client heard; `pictrs` are the bodies that pict-rs may have answered with."""
    try:
        found = strict.answers(heard, head_asked)
    except NotStrict as error:
        return [f"an answer that cannot be read in one way only: {error}"]
    foreign = [
        f"an answer that is neither ours nor pict-rs's: {answer.start[0]}, {answer.body[:100]!r}"
        for answer in found
        if answer.body
        and answer.body not in pictrs
        and not is_ours(answer.body)
        and not _is_placeholder(answer)
        and _sha256(answer.body) not in rules.passed
    ]
    names = sorted({name for answer in found for name, _ in answer.headers} - ANSWER_HEADERS)
    return foreign + [f"an answer with the field {name}" for name in names]


def is_ours(body: bytes) -> bool:
    """Whether this is the JSON of an answer of the filter's own."""
    try:
        found = json.loads(body)
    except ValueError:
        return False
    return isinstance(found, dict) and set(found) == {"msg", "code", "files"} and found["files"] == []


def _is_placeholder(answer: Message) -> bool:
    """Whether this is the picture that a browser gets in place of a refusal, and has a refusal's status."""
    refused = answer.start[0].startswith("4") and answer.all("content-type") == ["image/png"]
    return refused and answer.body == PLACEHOLDER.read_bytes()


def _request(request: Message, rules: Rules) -> Iterator[str]:
    method, target = request.start
    line = f"{method} {target}"
    if not any(route.fullmatch(line) for route in ROUTES):
        yield "is in no row of the list"
    if not CANONICAL.fullmatch(target.encode()):
        yield "is not canonical"
    keys = [pair.partition("=")[0] for pair in target.partition("?")[2].split("&")]
    if len(set(keys)) != len(keys):
        yield "a key twice"
    for value in re.findall(r"[?&]proxy=([^&]*)", target):
        if not value.replace("%3A", ":").replace("%2F", "/").startswith(rules.callback):
            yield "an address that is not staged"
    yield from _headers(request, rules)
    if _FILES.match(line):
        yield from _files(request, rules, plain="/internal/" not in line)
    elif target == "/internal/set_not_found":
        if request.all("content-type") != ["application/json"] or not _ALIAS.fullmatch(request.body):
            yield "not an alias in JSON"
    elif request.body or request.all("content-type"):
        yield "a body where none belongs"


def _headers(request: Message, rules: Rules) -> Iterator[str]:
    target = request.start[1]
    names = [name for name, _ in request.headers]
    allowed = HEADERS | {"content-length", "content-type"}
    if target.startswith("/internal/"):
        allowed |= {"x-api-token"}
    for name in sorted(set(names) - allowed):
        yield f"the field {name}"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the field {name} twice"
    for name in NEEDED:
        if name not in names:
            yield f"no field {name}"
    if request.all("host") not in ([], [rules.host]):
        yield f"the host {request.all('host')}"
    for secret in rules.secrets:
        if secret in target or any(secret in value for _, value in request.headers):
            yield "what the client said in a field that is not passed on"


def _files(request: Message, rules: Rules, *, plain: bool) -> Iterator[str]:
    if len(request.all("content-type")) != 1 or len(request.all("content-length")) != 1:
        yield "an upload without one type and one length"
        return
    content_type = request.all("content-type")[0]
    form = _FORM.fullmatch(content_type)
    if not form:
        yield f"the type {content_type[:100]!r}"
        return
    try:
        parts = _parts(request.body, form[1].encode())
    except NotStrict as error:
        yield f"not a form as it is written: {error}"
        return
    files = [data for _, data in parts]
    if plain and any(name != "upload" for name, _ in parts):
        yield "a file name of the client's"
    for release in actix.RELEASES:
        reading = actix.read([content_type.encode()], request.body, release)
        if reading.error or reading.files != files:
            yield f"actix {release} reads something else: {reading.error}"
    if _library(request.body, form[1]) != files:
        yield "another reader reads something else"
    for data in files:
        if _sha256(data) not in rules.passed:
            yield f"a file that was not judged, or did not pass: {data[:60]!r}"
    if FORBIDDEN in request.body:
        yield "forbidden bytes"


def _parts(body: bytes, boundary: bytes) -> list[tuple[str, bytes]]:
    """(file name, data) of each part of a form that is written in the one way in which the filter writes them."""
    found = []
    rest = body
    while rest != b"--" + boundary + b"--\r\n":
        opening = b"--" + boundary + b"\r\n"
        head = _PART.match(rest, len(opening)) if rest.startswith(opening) else None
        if not head:
            raise NotStrict(f"a part that begins with {rest[:200]!r}")
        end = head.end() + int(head[2])
        if rest[end : end + 2] != b"\r\n":
            raise NotStrict("a part's length is not true")
        found.append((head[1].decode(), rest[head.end() : end]))
        rest = rest[end + 2 :]
    if not found or any(boundary in data for _, data in found):
        raise NotStrict("no file, or one that holds the boundary")
    return found


def _library(body: bytes, boundary: str) -> list[bytes] | None:
    """The files as the library `multipart` finds them, None where it finds none of it to be right."""
    found: list[bytes] = []
    try:
        with multipart.PushMultipartParser(boundary, strict=True) as parser:
            for event in parser.parse(body):
                if isinstance(event, multipart.MultipartSegment):
                    found.append(b"")
                elif event is not None:
                    found[-1] += bytes(event)
    except multipart.MultipartError:
        return None
    return found


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
