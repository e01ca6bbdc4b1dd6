"""How the filter is kept: cases that no compose file of Lemmy's brings about."""

from __future__ import annotations

import pytest

from addons.doctor.compose.housing import housing
from tests.addons.doctor.compose.casts import cast_of, gate


def test_ports_where_the_compose_file_says_others() -> None:
    said = gate(PICTRS_FILTER_LISTEN="0.0.0.0:1234") | {
        "ports": [{"target": 1234, "published": "80"}, {"target": 8080}]
    }
    (found,) = housing(*cast_of(gate=said))
    assert "80:1234 (PICTRS_FILTER_LISTEN)" in found.what


@pytest.mark.parametrize(
    ("volume", "lasts"),
    [
        ({"type": "bind", "source": "/srv/state", "target": "/var/lib/pictrs-filter"}, True),
        ({"type": "volume", "source": "all", "target": "/var/lib"}, True),
        ({"type": "volume", "source": "all", "target": "/var/lib/pictrs-filter/lists"}, False),
        ({"type": "volume", "target": "/var/lib/pictrs-filter"}, False),
        ({"type": "tmpfs", "target": "/var/lib/pictrs-filter"}, False),
    ],
)
def test_what_lasts(volume: dict[str, str], lasts: bool) -> None:
    found = list(housing(*cast_of(gate=gate() | {"volumes": [volume]})))
    assert bool(found) is not lasts


def test_a_state_folder_of_his_own() -> None:
    volume = {"type": "volume", "source": "s", "target": "/srv/state"}
    said = gate(PICTRS_FILTER_STATE_DIR="/srv/state") | {"volumes": [volume]}
    assert not list(housing(*cast_of(gate=said)))


def test_a_container_with_more_than_it_had() -> None:
    more = {"cap_add": ["NET_ADMIN"], "user": "0:0", "security_opt": ["no-new-privileges:true", "seccomp=unconfined"]}
    (found,) = housing(*cast_of(gate=gate() | more))
    assert all(part in found.cure for part in ("(NET_ADMIN)", "`seccomp:unconfined`", "`user:`"))


def test_nobody_waits_for_the_filters_health() -> None:
    waiting = {"image": "nginx", "depends_on": {"gate": {"condition": "service_healthy"}}}
    (found,) = housing(*cast_of(gate=gate(), proxy=waiting))
    assert "services.proxy waits until services.gate is healthy" in found.what
