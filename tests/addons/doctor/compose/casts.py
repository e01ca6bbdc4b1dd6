"""Small compose projects for tests of single rules: a pict-rs, and a filter before it."""

from __future__ import annotations

from typing import Any

from addons.doctor.compose.project import Project
from addons.doctor.compose.roles import Roles, roles

SAFE = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "volumes": [{"type": "volume", "source": "state", "target": "/var/lib/pictrs-filter"}],
}


def cast_of(**services: dict[str, Any]) -> tuple[Project, Roles]:
    networks = {"in": {"internal": True}, "out": {}}
    project = Project({"services": services, "networks": networks})
    return project, roles(project)


def pictrs(**said: Any) -> dict[str, Any]:
    return {"image": "asonix/pictrs:0.5.25", "networks": {"in": {"aliases": ["upstream"]}}} | said


def gate(**environment: str) -> dict[str, Any]:
    return {"image": "pictrs-filter:cpu", "networks": {"in": None, "out": None}, "environment": environment, **SAFE}
