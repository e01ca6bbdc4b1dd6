"""Names: that `pictrs` is the filter where Lemmy asks for it, and that the filter and pict-rs find each other."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from addons.doctor.compose.project import Project, Service
from addons.doctor.compose.reach import NAME, UNFILTERED
from addons.doctor.compose.roles import Roles
from addons.doctor.finding import Finding, Severity

ASKED = "pictrs"
"""The name in Lemmy's own configurations: `pictrs.url: "http://pictrs:8080/"`."""
IN_TURN = "Docker answers for a name with each of its owners in turn."


def naming(project: Project, cast: Roles, upstream: str) -> Iterator[Finding]:
    """What is wrong with the names. `upstream` is the host of the doctor's own configuration, for who does not say."""
    yield from _asked_for(project, cast)
    for each in cast.filters:
        yield from _upstream(project, cast, each, upstream)
        yield from _callback(project, cast, each)


def host_of(url: str) -> str:
    """The host in an address, where it is a name; empty for an IP address and for what is no address."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return ""


def _asked_for(project: Project, cast: Roles) -> Iterator[Finding]:
    """Whom Lemmy reaches as `pictrs`."""
    gates = {each.name for each in cast.gates}
    for lemmy in cast.lemmys:
        found = list(project.answering(lemmy, ASKED))
        owners = {owner.name for _, owner in found}
        if wrong := sorted(owners - gates):
            both = " and ".join(f"services.{name}" for name in sorted(owners))
            what = f"services.{lemmy.name} gets {both} when it asks for `{ASKED}`"
            why = f"{IN_TURN} {UNFILTERED}" if len(owners) > 1 else UNFILTERED
            for name in wrong:
                network = next(network for network, owner in found if owner.name == name)
                yield Finding(NAME, Severity.ERROR, what, why, _unname(project, project.services[name], network, ASKED))
        elif not owners:
            shared = set(project.networks(lemmy)) & {net for each in cast.gates for net in project.networks(each)}
            if not shared:
                what = f"services.{lemmy.name} and the filter share no network: Lemmy does not reach it"
                network = next(iter(project.networks(lemmy)), "default")
                cure = f"at services.{_first(cast.gates)}, networks: `{network}: {{aliases: [{ASKED}]}}`"
                yield Finding(NAME, Severity.ERROR, what, "No picture is uploaded or seen.", cure)
            else:
                what = f"nobody answers to `{ASKED}` where services.{lemmy.name} asks"
                why = "That is right if Lemmy's `pictrs.url` names the filter by another name."
                cure = f"at services.{_first(cast.gates)}, networks.{min(shared)}: `aliases: [{ASKED}]`"
                yield Finding(NAME, Severity.NOTE, what, why, cure)


def _upstream(project: Project, cast: Roles, filter_: Service, fallback: str) -> Iterator[Finding]:
    """Whom a filter reaches as its upstream: pict-rs and nobody else, itself least of all."""
    url = filter_.environment.get("PICTRS_FILTER_UPSTREAM", "")
    name = host_of(url) if url else fallback
    if not name:
        return
    found = list(project.answering(filter_, name))
    owners = {owner.name for _, owner in found}
    pictrs = {each.name for each in cast.pictrs}
    good = cast.pictrs[0] if cast.pictrs else None
    better = f"at services.{filter_.name}: `PICTRS_FILTER_UPSTREAM: http://pictrs-upstream:8080`"
    better += f", and at services.{good.name} the network alias `pictrs-upstream`" if good else ""
    if loop := sorted(owners & {each.name for each in cast.gates}):
        what = f"services.{filter_.name} asks for `{name}` as pict-rs, which is a name of services.{loop[0]}"
        yield Finding(NAME, Severity.ERROR, what, f"The filter asks itself, in a circle. {IN_TURN}", better)
    elif wrong := sorted(owners - pictrs):
        what = f"services.{filter_.name} asks for `{name}` as pict-rs, and services.{wrong[0]} answers to that"
        network = next(network for network, owner in found if owner.name == wrong[0])
        cure = _unname(project, project.services[wrong[0]], network, name)
        yield Finding(NAME, Severity.ERROR, what, IN_TURN, cure)
    elif len(owners) > 1:
        both = " and ".join(f"services.{each}" for each in sorted(owners))
        what = f"services.{filter_.name} asks for `{name}` as pict-rs, and {both} answer to that"
        why = f"{IN_TURN} What is uploaded to one pict-rs is not found in the other."
        other = max(owners)
        network = next(network for network, owner in found if owner.name == other)
        yield Finding(NAME, Severity.ERROR, what, why, _unname(project, project.services[other], network, name))
    elif not owners and pictrs and not filter_.network_mode:
        what = f"services.{filter_.name} asks for `{name}` as pict-rs, and nobody on its networks answers to that"
        yield Finding(NAME, Severity.ERROR, what, "No picture is uploaded or seen.", better)


def _callback(project: Project, cast: Roles, filter_: Service) -> Iterator[Finding]:
    """Whom pict-rs reaches when it asks for media of `?proxy=`."""
    name = host_of(filter_.environment.get("PICTRS_FILTER_CALLBACK_URL", ""))
    if not name:
        return
    gates = {each.name for each in cast.gates}
    for pictrs in cast.pictrs:
        owners = {owner.name for _, owner in project.answering(pictrs, name)}
        if owners and owners <= gates:
            continue
        who = f"services.{min(owners - gates)} answers" if owners else "nobody on its networks answers"
        what = f"services.{pictrs.name} is to ask for media of `?proxy=` at `{name}`, and {who} to that"
        cure = (
            f"at services.{filter_.name}: `PICTRS_FILTER_CALLBACK_URL: http://{filter_.name}:8082`, and on a network "
            f"of services.{pictrs.name}"
        )
        yield Finding(NAME, Severity.ERROR, what, "Proxied media are refused.", cure)


def _unname(project: Project, service: Service, network: str, name: str) -> str:
    """How to take a name away from a service."""
    if service.said.get("hostname") == name:
        return (
            f"at services.{service.name}: `hostname: {service.name if service.name != name else 'pictrs-upstream'}`"
            + (
                f", and `networks: !override [pictrs-only]`, so that it is on {network} no more"
                if service.name == name
                else ""
            )
        )
    if service.name == name:
        return f"at services.{service.name}: `networks: !override [pictrs-only]`, so that it is on {network} no more"
    return (
        f"at services.{service.name}, networks.{network}: delete `{name}` from `aliases:` (or from `container_name:`)"
    )


def _first(services: Iterable[Service]) -> str:
    return next((each.name for each in services), "pictrs-filter")
