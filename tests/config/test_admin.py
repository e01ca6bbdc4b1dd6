"""The settings of the internal port; the messages themselves are in bad/admin-*.yaml."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from config.admin import Admin
from config.settings import Settings


def test_defaults_are_closed() -> None:
    admin = Admin()
    assert admin.address == ("127.0.0.1", 8083)
    assert (admin.token_path, admin.hosts) == (None, ())


@pytest.mark.parametrize("value", ["off", False])
def test_off_however_yaml_reads_it(value: object) -> None:
    assert Admin.model_validate({"listen": value}).address is None


@pytest.mark.parametrize("value", ["on", True, "", "localhost:8083", "8083", None])
def test_listen_that_is_none(value: object) -> None:
    with pytest.raises(ValidationError):
        Admin.model_validate({"listen": value})


@pytest.mark.parametrize("host", ["", "Filter.lan", "filter.lan:80", "http://filter.lan", "a b", "-a", "x" * 254])
def test_host_that_is_none(host: str) -> None:
    with pytest.raises(ValidationError):
        Admin.model_validate({"hosts": [host]})


def test_port_that_the_system_chooses_collides_with_none() -> None:
    listen = "127.0.0.1:0"
    settings = Settings.model_validate({"listen": listen, "callback": {"listen": listen}, "admin": {"listen": listen}})
    assert settings.admin.address == ("127.0.0.1", 0)
