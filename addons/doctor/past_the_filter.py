"""`past-the-filter`: can pict-rs be reached by others? Whoever speaks to its port is not filtered.

From here it is seen whether its port is open on this machine's other addresses (where pict-rs runs on this machine),
and on the gateway, which for a container is the machine that runs it, where published ports are open. What is not seen
from here is said: who else shares its networks, which the compose file tells, and what a firewall keeps away.
"""

from __future__ import annotations

import ipaddress

from addons.doctor import answerer, lookup, machine
from addons.doctor.answerer import Who
from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient

CHECK = "past-the-filter"
PUBLISHED = (8080, 8537)
"""Ports that compose files of Lemmy have published pict-rs at: its own, and that of Lemmy's development files."""
DOCTOR = "docker compose exec -T pictrs-filter pictrs-filter doctor"
WHY = "Who can speak to pict-rs itself gets pictures into the store that nobody judged."


async def past_the_filter(patient: Patient) -> list[Finding]:
    """Every address at which pict-rs is reached by others than the filter, as far as that is seen from here."""
    if (await answerer.upstream(patient)).who is not Who.PICT_RS:
        return []
    host, port = patient.config.settings.upstream_address
    places = await lookup.addresses(host)
    if any(machine.is_own(place) for place in places):
        return await _on_this_machine(patient, port)
    return await _elsewhere(patient, places, port)


async def _on_this_machine(patient: Patient, port: int) -> list[Finding]:
    own = [str(address) for address in machine.own_addresses()]
    open_at = [place for place in own if await _is_pictrs(patient, place, port)]
    if not open_at:
        seen = f"on {', '.join(own)}" if own else "on no other address, for there is none"
        return [Finding(CHECK, Severity.OK, f"pict-rs's port {port} is open on loopback alone, and not {seen}")]
    what = f"pict-rs answers to other machines, too: at {', '.join(answerer.at(place, port) for place in open_at)}"
    cure = (
        f"PICTRS__SERVER__ADDRESS=127.0.0.1:{port} in pict-rs's environment (0.3: PICTRS__ADDRESS, or -a); where it "
        f'runs in a container, `ports: ["127.0.0.1:{port}:8080"]`'
    )
    return [Finding(CHECK, Severity.ERROR, what, f"{WHY} (Unless a firewall keeps all others away.)", cure)]


async def _elsewhere(patient: Patient, places: list[str], port: int) -> list[Finding]:
    gateway = machine.gateway()
    ports = [] if gateway is None or gateway in places else list(dict.fromkeys((port, *PUBLISHED)))
    open_at = [number for number in ports if gateway is not None and await _is_pictrs(patient, gateway, number)]
    if open_at:
        urls = ", ".join(answerer.at(str(gateway), number) for number in open_at)
        what = f"a port of pict-rs is published: it answers on the machine that runs the containers, at {urls}"
        cure = "delete `ports:` from pict-rs's service in the compose file, then `docker compose up -d`"
        return [Finding(CHECK, Severity.ERROR, what, WHY, cure)]
    found = []
    if public := [place for place in places if ipaddress.ip_address(place).is_global]:
        what = f"pict-rs has a public address: {', '.join(public)}"
        cure = "let a firewall before it admit the filter's address alone, or give both a private network"
        found.append(Finding(CHECK, Severity.WARNING, what, f"{WHY} (Unless a firewall keeps all others away.)", cure))
    if patient.compose is None:  # else the compose file tells
        seen = f"not published at {gateway}" if ports else "no gateway to look for published ports at"
        what = (
            f"seen from here, pict-rs is reached by its own address alone ({seen}); who shares its network is not seen"
        )
        cure = f"docker compose config --format json | {DOCTOR} --compose -"
        found.append(Finding(CHECK, Severity.NOTE, what, WHY, cure))
    return found or [Finding(CHECK, Severity.OK, f"pict-rs is not published at {gateway or 'any gateway'}")]


async def _is_pictrs(patient: Patient, place: str, port: int) -> bool:
    return (await answerer.answerer(patient, answerer.at(place, port))).who is Who.PICT_RS
