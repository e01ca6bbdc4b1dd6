"""Who is what, by image, environment, command and mounts."""

from __future__ import annotations

from typing import Any

import pytest

from addons.doctor.compose.project import Project, Service
from addons.doctor.compose.roles import roles, version

CONF = {"type": "bind", "source": "/srv/pictrs-filter/docker/nginx", "target": "/x"}


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ({"image": "pictrs-filter:cpu"}, "filters"),
        ({"image": "registry.example.org/x/pictrs-filter:cuda"}, "filters"),
        ({"image": "mine", "environment": {"PICTRS_FILTER_UPSTREAM": "http://x:1"}}, "filters"),
        ({"image": "python", "command": ["/venv/bin/pictrs-filter", "serve"]}, "filters"),
        ({"image": "asonix/pictrs:0.5"}, "pictrs"),
        ({"image": "docker.io/asonix/pictrs"}, "pictrs"),
        ({"image": "mine", "environment": {"PICTRS__SERVER__API_KEY": "x"}}, "pictrs"),
        ({"image": "mine", "environment": {"PICTRS_PATH": "x"}}, "pictrs"),
        ({"image": "mine", "command": ["pict-rs", "run"]}, "pictrs"),
        ({"image": "dessalines/lemmy:0.19.20"}, "lemmys"),
        ({"image": "dessalines/lemmy_dev:x"}, "lemmys"),
        ({"build": {"context": "."}, "hostname": "lemmy"}, "lemmys"),
        ({"image": "nginx:1.28", "volumes": [CONF]}, "fronts"),
        ({"image": "nginx:1.28"}, None),
        ({"image": "dessalines/lemmy-ui:0.19.20"}, None),
        ({"image": "ghcr.io/db0/pictrs-safety:v1", "environment": {"PICTRS_SAFETY_X": "y"}}, None),
        ({"image": "postgres", "environment": {"POSTGRES_DB": "pictrs"}}, None),
    ],
)
def test_a_role(said: dict[str, Any], role: str | None) -> None:
    cast = roles(Project({"services": {"it": said}}))
    found = [name for name in ("filters", "pictrs", "lemmys", "fronts") if getattr(cast, name)]
    assert found == ([] if role is None else [role])


def test_an_image_tells_more_than_variables() -> None:
    services = {
        "pictrs": {"image": "asonix/pictrs:0.5"},
        "lemmy": {"image": "lemmy", "environment": {"PICTRS__X": "y"}},
    }
    cast = roles(Project({"services": services}))
    assert [each.name for each in cast.pictrs] == ["pictrs"]
    assert [each.name for each in cast.lemmys] == ["lemmy"]


@pytest.mark.parametrize(
    ("tag", "told"),
    [("0.5", (0, 5)), ("0.5.21", (0, 5, 21)), ("v0.6.0-rc.6", (0, 6, 0)), ("latest", None), ("", None)],
)
def test_a_version(tag: str, told: tuple[int, ...] | None) -> None:
    assert version(Service("x", {"image": f"asonix/pictrs:{tag}"})) == told
