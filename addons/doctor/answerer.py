"""Who answers at an address: pict-rs, this filter, another filter, something else, or nobody, and then why not."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import StrEnum

import aiohttp

from addons.doctor.patient import Patient
from addons.fetch.seal import Seal
from addons.listener import origin
from addons.loop import LOOP_HEADER
from addons.pictrs.asking import Asking
from addons.pictrs.line import NOBODY, StrangerError, find_line
from addons.state import StateError, read_key

CONNECT_SECONDS = 3.0
"""Seconds for a connection: one within a machine or a data centre takes milliseconds, and a lost packet one second."""
ASK = "/pictrs-filter-doctor"
"""A path that neither pict-rs nor a filter has."""


class Who(StrEnum):
    """Who answers."""

    PICT_RS = "pict-rs"
    THIS_FILTER = "this filter"
    FILTER = "a filter"
    STRANGER = "something that is neither pict-rs nor a filter"
    NOBODY = "nobody"


class Silence(StrEnum):
    """Why nobody answers."""

    NO_NAME = "no name server knows that name"
    REFUSED = "nothing listens at that port"
    TIMEOUT = "nothing came back in time"
    NO_WAY = "there is no way to that address"
    NOT_YET = "a proxy in between says that pict-rs is not there"
    BROKEN = "the connection broke off"


@dataclass(frozen=True)
class Answerer:
    """`line` is that of a pict-rs, such as `0.5`; `silence` says why nobody answers."""

    who: Who
    line: str = ""
    silence: Silence | None = None


def own_mark(patient: Patient) -> str | None:
    """By what this filter knows its own requests (loop.LoopGuard); None where there is no key that can be read."""
    try:
        key = read_key(patient.config.settings.state_folder)
    except StateError:
        return None
    return None if key is None else Seal(key).instance


async def answerer(patient: Patient, base: str) -> Answerer:
    """Who answers at `http://HOST:PORT`."""
    try:
        async with Asking(base, connect_seconds=CONNECT_SECONDS) as asking:
            reply = await asking.get(ASK)
            if reply.status == 404 and reply.code == "not-found" and reply.fields.get("files") == []:
                # pict-rs's own 404 for this has no body, and none of its has `files`
                return Answerer(Who.THIS_FILTER if await _knows(asking, own_mark(patient)) else Who.FILTER)
            return Answerer(Who.PICT_RS, await find_line(asking))
    except StrangerError:
        return Answerer(Who.STRANGER)
    except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError, too
        if isinstance(error, aiohttp.ClientResponseError):
            return Answerer(Who.STRANGER)
        return Answerer(Who.NOBODY, silence=_silence(error))


async def _knows(asking: Asking, mark: str | None) -> bool:
    """Whether a filter takes what bears this mark for a request of its own: a look-up of what nothing has."""
    if mark is None:
        return False
    reply = await asking.get(f"/image/details/original/{NOBODY}", {LOOP_HEADER.decode("ascii"): mark})
    return reply.status == 508 and reply.code == "loop-detected"


async def upstream(patient: Patient) -> Answerer:
    """Who answers where pict-rs should."""
    return await answerer(patient, patient.config.settings.upstream)


def at(address: str, port: int) -> str:
    """`http://ADDRESS:PORT`."""
    return origin(address, port)


def _silence(error: Exception) -> Silence:
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    match inner:
        case socket.gaierror():
            return Silence.NO_NAME
        case ConnectionRefusedError():
            return Silence.REFUSED
        case TimeoutError():
            return Silence.TIMEOUT
        case aiohttp.ClientConnectionError() if str(error).startswith("status "):
            return Silence.NOT_YET
        case OSError() if not isinstance(inner, (aiohttp.ClientError, ConnectionError)):
            return Silence.NO_WAY
    return Silence.BROKEN
