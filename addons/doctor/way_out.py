"""`way-out`: can pict-rs fetch from the internet by itself? Behind the filter it has no need to.

pict-rs is asked to download the address of --outside, and told to take neither images nor animations nor videos
(`allow_image=false&allow_animation=false&allow_video=false`): it fetches, and then refuses whatever media that is (seen
with 0.5.25 and 0.6.0-rc.6: 400 `media-disallowed`, and nothing in the store). A release that did not know these words
would still find a web page at the default address, which is no media. Lines before 0.5 do not know them, and so are not
asked at all: there, any address that gave a picture would be stored.
"""

from __future__ import annotations

from urllib.parse import quote

import aiohttp

from addons.doctor import answerer, lookup, machine
from addons.doctor.answerer import CONNECT_SECONDS, Who
from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient
from addons.pictrs.askback import refuses_local
from addons.pictrs.asking import Asking, Reply
from addons.pictrs.line import WITHOUT_PROXY

CHECK = "way-out"
NO_MEDIA = "allow_image=false&allow_animation=false&allow_video=false"
OUT_SECONDS = 12.0
"""Seconds for pict-rs to fetch: without an answer by then it has no way out. (Older releases of Docker let packets
vanish where a network is internal, and pict-rs itself has patience for 30 seconds.)"""
WHY = (
    "Should anybody get past the filter, pict-rs would fetch and store what he names, from your own network, too. "
    "The filter fetches for it, so it needs no way out."
)


async def way_out(patient: Patient) -> list[Finding]:
    """Whether pict-rs reaches `patient.outside`."""
    here = await answerer.upstream(patient)
    if not patient.outside or here.who is not Who.PICT_RS:
        return []
    if here.line in WITHOUT_PROXY:
        what = f"pict-rs {here.line} is not asked whether it has a way out: it would store what it found there"
        return [Finding(CHECK, Severity.NOTE, what, WHY, "give it a network with `internal: true`, and no other")]
    try:
        async with Asking(
            patient.config.settings.upstream, seconds=OUT_SECONDS, connect_seconds=CONNECT_SECONDS
        ) as asking:
            reply = await asking.get(f"/image/download?url={quote(patient.outside, safe='')}&{NO_MEDIA}")
    except TimeoutError:
        return [_none(f"no answer within {OUT_SECONDS:g} seconds")]
    except (aiohttp.ClientError, OSError):
        return []  # pict-rs is gone
    if refuses_local(reply):
        what = f"whether pict-rs has a way out was not tried: {patient.outside} is an address of a private network"
        return [Finding(CHECK, Severity.NOTE, what, "", "name a public one: --outside URL")]
    if not _came_there(reply):
        return [_none(reply.msg[:200] or f"status {reply.status}")]
    beside = any(machine.is_own(place) for place in await lookup.addresses(patient.config.settings.upstream_address[0]))
    what = f"pict-rs has a way to the internet: it fetched {patient.outside}"
    if beside:  # what runs beside the filter shares its ways; to take them from one program alone is a finer art
        cure = "IPAddressDeny=any and IPAddressAllow=localhost in the [Service] section of pict-rs's systemd unit"
        return [Finding(CHECK, Severity.NOTE, what, WHY, cure)]
    cure = (
        "give pict-rs's service only a network with `internal: true`, shared with the filter: "
        "`networks: {pictrs-upstream: {internal: true}}` in the compose file"
    )
    return [Finding(CHECK, Severity.WARNING, what, WHY, cure)]


def _came_there(reply: Reply) -> bool:
    """It read something, which it refused (400), or was answered with an error there (500, by its code)."""
    return reply.status in (200, 201, 400) or reply.code == "download-file-error"


def _none(words: str) -> Finding:
    return Finding(CHECK, Severity.OK, f"pict-rs has no way to the internet (it said: {words})")
