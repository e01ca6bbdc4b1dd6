"""Who reaches pict-rs beside the filter, and where pict-rs reaches out to."""

from __future__ import annotations

from collections.abc import Iterator

from addons.doctor.compose.project import Project, Service
from addons.doctor.compose.roles import Roles
from addons.doctor.finding import Finding, Severity

NAME = "compose"
UNFILTERED = "Whoever speaks to pict-rs itself is not filtered."
INTERNAL = "pictrs-only"
"""The network of the shipped override."""


def reach(project: Project, cast: Roles) -> Iterator[Finding]:
    """What is wrong with the ways to and from each pict-rs."""
    for pictrs in cast.pictrs:
        yield from published(pictrs)
        yield from _mode(pictrs)
        yield from _shared(project, cast, pictrs)
        yield from _outside(project, pictrs)


def published(pictrs: Service) -> Iterator[Finding]:
    """What a pict-rs shows outside of its networks."""
    for port in pictrs.ports:
        severity = Severity.WARNING if port.local else Severity.ERROR
        who = "every program on this machine" if port.local else "whoever reaches this machine, the internet perhaps,"
        what = f"services.{pictrs.name}: its port {port} is published, so that {who} can upload to pict-rs"
        cure = (
            f"delete `ports:` at services.{pictrs.name}, or write there, in docker-compose.override.yml, "
            "`ports: !override []`"
        )
        yield Finding(NAME, severity, what, UNFILTERED, cure)


def _mode(pictrs: Service) -> Iterator[Finding]:
    mode = pictrs.network_mode
    if not mode or mode == "none":
        return
    what = f"services.{pictrs.name}: network_mode {mode}: pict-rs is on networks that no compose file bounds"
    cure = f"at services.{pictrs.name} write `network_mode: !reset null` and `networks: [{INTERNAL}]`"
    yield Finding(NAME, Severity.ERROR if mode == "host" else Severity.WARNING, what, UNFILTERED, cure)


def _shared(project: Project, cast: Roles, pictrs: Service) -> Iterator[Finding]:
    """Neighbours of pict-rs that have no business with it. A database or a store that it names itself has."""
    known = {each.name for each in (*cast.gates, *cast.pictrs)}
    asked = pictrs.hosts()
    for network in project.networks(pictrs):
        others = [each for each in project.on(network) if each.name not in known]
        lemmys = [each for each in others if each in cast.lemmys]
        others = [each for each in others if each not in lemmys and not project.networks(each)[network] & asked]
        for some, severity in ((lemmys, Severity.ERROR), (others, Severity.WARNING)):
            if some:
                names = ", ".join(f"services.{each.name}" for each in some)
                what = f"on the network {network} services.{pictrs.name} can be reached by {names}"
                cure = f"at services.{pictrs.name}, in docker-compose.override.yml: `networks: !override [{INTERNAL}]`"
                yield Finding(NAME, severity, what, UNFILTERED, cure)


def _outside(project: Project, pictrs: Service) -> Iterator[Finding]:
    for network in project.networks(pictrs):
        internal = project.is_internal(network)
        if internal:
            continue
        if internal is None:
            real = project.real_name(network)
            what = f"services.{pictrs.name} is on {network}, a network of another project ({real})"
            why = f"Who else is on it, and whether it has a way out, is not told here. {UNFILTERED}"
            cure = (
                f"look with `docker network inspect {real}`: `Internal` should be true, and of `Containers` only the "
                "filter and pict-rs"
            )
            yield Finding(NAME, Severity.WARNING, what, why, cure)
            continue
        what = f"services.{pictrs.name} has a way out: its network {network} is not internal"
        why = "The filter fetches for it. With a way out, what gets round the filter once can fetch anything."
        cure = f"write `internal: true` at networks.{network}, where only the filter and pict-rs are on it"
        if len(project.on(network)) > 2:
            cure = (
                f"at services.{pictrs.name} write `networks: !override [{INTERNAL}]`, a network with `internal: true`"
            )
        yield Finding(NAME, Severity.WARNING, what, why, cure)
