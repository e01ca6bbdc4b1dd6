"""How the filter itself is kept: its ports, its state, what its container may do, and who waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from addons.doctor.compose.project import Project, Service
from addons.doctor.compose.reach import NAME
from addons.doctor.compose.roles import Roles
from addons.doctor.finding import Finding, Severity

STATE = "/var/lib/pictrs-filter"
"""`state_dir` in the image."""
PORTS = {"LISTEN": 8080, "CALLBACK_LISTEN": 8082, "ADMIN_LISTEN": 8083}
"""PICTRS_FILTER_* -> the port in the image, where the compose file does not say another."""
_WHO = {
    "LISTEN": "Whoever reaches it uploads and deletes past Lemmy's own accounts and limits.",
    "CALLBACK_LISTEN": "It is for pict-rs alone, which hands out what it gets there as if it were stored.",
    "ADMIN_LISTEN": "Who reaches it reads the history, and with the token allows or denies pictures.",
}


def housing(project: Project, cast: Roles) -> Iterator[Finding]:
    """What is wrong with each filter's container."""
    for each in cast.filters:
        yield from _ports(each)
        yield from _state(each)
        yield from _confined(each)
    yield from _waiting(project, cast)


def _ports(service: Service) -> Iterator[Finding]:
    for name, usual in PORTS.items():
        _, _, text = service.environment.get(f"PICTRS_FILTER_{name}", "").rpartition(":")
        inside = int(text) if text.isdigit() else usual
        for port in service.ports:
            if port.target != inside or port.local:
                continue
            what = f"services.{service.name}: its port {port} (PICTRS_FILTER_{name}) is published to every machine"
            cure = f"at services.{service.name}, ports: delete `{port}`"
            if name == "ADMIN_LISTEN":
                cure = f'at services.{service.name}, ports: `"127.0.0.1:{port.published}:{port.target}"`'
            yield Finding(NAME, Severity.WARNING, what, _WHO[name], cure)


def _state(service: Service) -> Iterator[Finding]:
    folder = PurePosixPath(service.environment.get("PICTRS_FILTER_STATE_DIR", STATE))
    for volume in service.volumes:
        if not folder.is_relative_to(str(volume.get("target") or "?")):
            continue
        if volume.get("type") != "tmpfs" and volume.get("source"):
            return
    what = f"services.{service.name}: nothing that lasts is mounted at {folder}"
    why = "With the container the key goes: pict-rs then fetches all proxied media anew, and the log begins anew."
    kept = "pictrs-filter-state"
    cure = f"at services.{service.name}, volumes: `{kept}:{folder}`; and at the top level, volumes: `{kept}:`"
    yield Finding(NAME, Severity.WARNING, what, why, cure)


def _confined(service: Service) -> Iterator[Finding]:
    said = service.said
    options = [str(option).replace("=", ":") for option in said.get("security_opt") or []]
    if said.get("privileged"):
        what = f"services.{service.name}: privileged, so that its container is as good as none"
        cure = f"at services.{service.name}: delete `privileged: true`"
        yield Finding(NAME, Severity.WARNING, what, "What breaks out of a decoder has the machine.", cure)
    lines = []
    if said.get("read_only") is not True:
        lines += ["`read_only: true` with `tmpfs: [/tmp]`"]
    if "ALL" not in [str(each).upper() for each in said.get("cap_drop") or []]:
        lines += ["`cap_drop: [ALL]`"]
    if not any(option in ("no-new-privileges", "no-new-privileges:true") for option in options):
        lines += ["`security_opt: ['no-new-privileges:true']`"]
    if added := [str(each) for each in said.get("cap_add") or []]:
        lines += [f"no `cap_add:` ({', '.join(added)})"]
    if loose := [option for option in options if option.endswith(":unconfined")]:
        lines += [f"no `{each}` in `security_opt:`" for each in loose]
    if str(said.get("user") or "").partition(":")[0] in ("root", "0"):
        lines += ["no `user:`, as the image has one without rights"]
    if lines:
        what = f"services.{service.name}: its container may do more than the filter needs"
        why = "What breaks out of a decoder finds the less, the less there is."
        yield Finding(NAME, Severity.NOTE, what, why, f"at services.{service.name}: {', '.join(lines)}")


def _waiting(project: Project, cast: Roles) -> Iterator[Finding]:
    gates = {each.name for each in cast.gates}
    for waiting in (each for each in project.services.values() if each.name not in gates):
        for each in cast.gates:
            if waiting.depends_on.get(each.name) == "service_healthy":
                what = f"services.{waiting.name} waits until services.{each.name} is healthy"
                why = "Where that does not start, this does not either; without it only pictures would be missing."
                cure = f"at services.{waiting.name}, depends_on.{each.name}: `condition: service_started`, or delete it"
                yield Finding(NAME, Severity.WARNING, what, why, cure)
