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


@pytest.mark.parametrize("image", ["asonix/pictrs:0.5", "dessalines/lemmy:0.19.20"])
def test_variables_of_the_filter_that_are_given_to_all_make_no_filter(image: str) -> None:
    """One `env_file: .env` for every service, with PICTRS_FILTER_MODE in it."""
    said = {"image": image, "environment": {"PICTRS_FILTER_MODE": "x"}}
    assert not roles(Project({"services": {"it": said}})).filters


@pytest.mark.parametrize("source", ["/srv/pictrs-filter-site/nginx.conf", "/srv/pictrs-filter/nginx"])
def test_an_nginx_in_a_folder_of_that_name_is_no_front(source: str) -> None:
    """Lemmy's own proxy, where the whole project lies in a folder that is named after the filter."""
    volume = {"type": "bind", "source": source, "target": "/etc/nginx/nginx.conf"}
    assert not roles(Project({"services": {"it": {"image": "nginx:1-alpine", "volumes": [volume]}}})).fronts


def test_a_lemmy_by_its_name_where_no_image_tells() -> None:
    services = {"lemmy": {"image": "registry.example.org/mine:1"}, "lemmy-ui": {"image": "dessalines/lemmy-ui:1"}}
    assert [each.name for each in roles(Project({"services": services})).lemmys] == ["lemmy"]
