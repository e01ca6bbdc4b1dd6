"""Which service is what: the filters, the pict-rs, the Lemmys, and nginx where it stands for the filter."""

from __future__ import annotations

import re
from dataclasses import dataclass

from addons.doctor.compose.project import Project, Service
from config.load import PREFIX

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
    pictrs = [each for each in others if each.image_name in ("pictrs", "pict-rs")] or [
        each for each in others if any(map(_PICTRS_VARIABLE.match, each.environment)) or "pict-rs" in each.words
    ]
    lemmys = [each for each in others if each not in pictrs and _is_lemmy(each)]
    return Roles(tuple(filters), tuple(pictrs), tuple(lemmys), tuple(fronts))


def version(service: Service) -> tuple[int, ...] | None:
    """The version of pict-rs in an image's tag, as far as it is told: (0, 5) for `0.5`; None where it is not."""
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", service.tag)
    return tuple(int(part) for part in match.groups() if part is not None) if match else None


def _is_filter(service: Service) -> bool:
    return (
        service.image_name == "pictrs-filter"
        or any(name.startswith(PREFIX) for name in service.environment)
        or any(word.rpartition("/")[2] == "pictrs-filter" for word in service.words)
    )


def _is_front(service: Service) -> bool:
    return service.image_name.startswith("nginx") and any(
        "pictrs-filter" in f"{volume.get('source', '')} {volume.get('target', '')}" for volume in service.volumes
    )


def _is_lemmy(service: Service) -> bool:
    if service.image_name:
        return re.fullmatch(r"lemmy(_\w+)?", service.image_name) is not None
    return "lemmy" in (service.name, service.said.get("hostname"))
