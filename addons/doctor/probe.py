"""Makes pict-rs ask for an address of the filter's, and finds out whether it came there.

While the filter runs it holds the port, and what it answers to the probe (404) comes back in pict-rs's own words. While
it does not, the doctor listens there itself for that moment, and answers everything with 404. The probe is sealed like
every staged address, with the filter's key if that can be read, else with one of its own: it leads to nothing anyway.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from addons.doctor.answerer import CONNECT_SECONDS, answerer, at
from addons.doctor.answerer import Who as WhoAnswers
from addons.doctor.patient import Patient
from addons.fetch.seal import KEY_BYTES, Seal
from addons.fetch.staging import PROBE
from addons.pictrs.askback import ask_back, refuses_local
from addons.pictrs.asking import Asking
from addons.state import StateError, read_key

PROBE_SECONDS = 15.0
"""Seconds for pict-rs's answer to the probe: longer than its own look-ups of names take."""
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BAD_RESPONSE = "404"
"""In pict-rs's message when what it asked said so: "bad response 404 Not Found" (0.5), "Invalid status: 404" (0.6)."""


@dataclass(frozen=True)
class Probe:
    """What came of it. `base` is where pict-rs was sent; `words` what it said, `trouble` why it was not asked at all.

    `by_itself`: the doctor listened, since no filter runs. `known` is who answers there when the doctor asks, for a
    filter that runs.
    """

    base: str
    reached: bool = False
    local: bool = False
    by_itself: bool = False
    words: str = ""
    known: WhoAnswers | None = None
    trouble: str = ""


def callback_base(patient: Patient) -> str:
    """How pict-rs reaches the filter, as the configuration says: `http://HOST:PORT`."""
    settings = patient.config.settings
    return at(*settings.callback_address) if settings.callback.url == "auto" else settings.callback.url


async def probe(patient: Patient) -> Probe:
    """Ask pict-rs, which must be of a line that knows proxied media, to ask for a staged address."""
    base = callback_base(patient)
    try:
        async with _listening(*patient.config.settings.callback_address) as calls:
            return await _asked(patient, base, calls)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return await _asked(patient, base, None)
        place = patient.config.settings.callback.listen
        return Probe(
            base, trouble=f"callback.listen ({place}) cannot be listened on from here: {error.strerror or error}"
        )


async def _asked(patient: Patient, base: str, calls: set[bytes] | None) -> Probe:
    path = f"/v/{_seal(patient).token(PROBE)}"
    upstream = patient.config.settings.upstream
    try:
        async with Asking(upstream, seconds=PROBE_SECONDS, connect_seconds=CONNECT_SECONDS) as asking:
            reply = await ask_back(asking, base + path)
    except TimeoutError:
        words, local, answered = f"it did not answer within {PROBE_SECONDS:g} seconds", False, False
    except (aiohttp.ClientError, OSError) as error:
        return Probe(base, trouble=f"pict-rs did not answer ({type(error).__name__})")
    else:
        words, local = reply.msg[:200] or f"status {reply.status}", refuses_local(reply)
        answered = BAD_RESPONSE in words
    if calls is not None:
        return Probe(base, reached=path.encode() in calls, local=local, by_itself=True, words=words)
    known = (await answerer(patient, base)).who
    return Probe(base, reached=answered, local=local, words=words, known=known)


def _seal(patient: Patient) -> Seal:
    try:
        key = read_key(patient.config.settings.state_folder)
    except StateError:
        key = None
    return Seal(key or secrets.token_bytes(KEY_BYTES))


@asynccontextmanager
async def _listening(host: str, port: int) -> AsyncIterator[set[bytes]]:
    """Listen there, and give the set of paths that were asked for, growing. Raises OSError."""
    paths: set[bytes] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            words = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)
            paths.add(words[1] if len(words) == 3 else b"")
            writer.write(NOT_FOUND)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # no request: it says nothing
        finally:
            writer.close()

    server = await asyncio.start_server(answer, host, port)
    try:
        yield paths
    finally:
        server.close()
