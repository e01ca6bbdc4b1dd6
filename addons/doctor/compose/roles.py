"""Which service is what: the filters, the pict-rs, the Lemmys, and nginx where it stands for the filter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from addons.doctor.compose.project import Project, Service
from config.load import PREFIX

PICTRS = ("pictrs", "pict-rs")
"""What pict-rs's image is called."""
FRONT = ("pictrs-filter.conf", "docker/nginx")
"""Ends of what is mounted in an nginx that stands before the filter: the file, or the folder that it is shipped in."""
_PICTRS_VARIABLE = re.compile(r"PICTRS_(?!SAFETY_)\w+")
"""PICTRS__ADDR, PICTRS_PATH: what pict-rs itself is told by."""


@dataclass(frozen=True)
class Roles:
    """`fronts` are nginx with the shipped configuration (docker/nginx), which are told by what is mounted in them."""

    filters: tuple[Service, ...]
    pictrs: tuple[Service, ...]
    lemmys: tuple[Service, ...]
    fronts: tuple[Service, ...]

    @property
    def gates(self) -> tuple[Service, ...]:
        """Those that Lemmy may speak to, and that may speak to pict-rs."""
        return (*self.filters, *self.fronts)


def roles(project: Project) -> Roles:
    """Told by image first, then by what the environment or the command names."""
    every = list(project.services.values())
    filters = [each for each in every if _is_filter(each)]
    fronts = [each for each in every if each not in filters and _is_front(each)]
    others = [each for each in every if each not in filters and each not in fronts]
    pictrs = [each for each in others if each.image_name in PICTRS] or [
        each for each in others if any(map(_PICTRS_VARIABLE.match, each.environment)) or "pict-rs" in each.words
    ]
    others = [each for each in others if each not in pictrs]
    lemmys = [each for each in others if _is_lemmy(each)] or [each for each in others if _is_called_lemmy(each)]
    return Roles(tuple(filters), tuple(pictrs), tuple(lemmys), tuple(fronts))


def version(service: Service) -> tuple[int, ...] | None:
    """The version of pict-rs in an image's tag, as far as it is told: (0, 5) for `0.5`; None where it is not."""
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", service.tag)
    return tuple(int(part) for part in match.groups() if part is not None) if match else None


def _is_filter(service: Service) -> bool:
    if service.image_name == "pictrs-filter":
        return True
    if service.image_name in PICTRS or _is_lemmy(service):  # one `env_file:` may be given to all of them
        return False
    return any(name.startswith(PREFIX) for name in service.environment) or any(
        word.rpartition("/")[2] == "pictrs-filter" for word in service.words
    )


def _is_front(service: Service) -> bool:
    """By the shipped file itself: the folder that a whole project lies in may be named after the filter, too."""
    return service.image_name.startswith("nginx") and any(
        PurePosixPath(str(volume.get(side) or "")).match(pattern)
        for volume in service.volumes
        for side in ("source", "target")
        for pattern in FRONT
    )


def _is_lemmy(service: Service) -> bool:
    if service.image_name:
        return re.fullmatch(r"lemmy(_\w+)?", service.image_name) is not None
    return _is_called_lemmy(service)


def _is_called_lemmy(service: Service) -> bool:
    return "lemmy" in (service.name, service.said.get("hostname"))
