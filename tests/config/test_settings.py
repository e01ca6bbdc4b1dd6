"""Settings: defaults, addresses that get into each other's way, and what is not taken for something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.addresses import split_listen
from config.media import Limits
from config.settings import Callback, Fetch, Mode, Overload, Settings


def test_defaults_refuse_and_are_in_time() -> None:
    settings = Settings()
    assert settings.mode is Mode.ENFORCE
    assert settings.fetch.allow_networks == ()
    assert settings.deadline_seconds < 10, "Lemmy gives up after 10 seconds"


def test_the_largest_request_must_fit_into_the_room_for_all() -> None:
    """The defaults of one section count against what is written in another."""
    assert Settings(limits=Limits(max_request_mib=256)).overload.media_mib == 256
    with pytest.raises(ValidationError, match=r"media_mib must be at least limits.max_request_mib \(257\)"):
        Settings(limits=Limits(max_request_mib=257))
    assert Settings(limits=Limits(max_request_mib=257), overload=Overload(media_mib=257)).overload.media_mib == 257


@pytest.mark.parametrize(
    ("listen", "callback", "upstream"),
    [
        pytest.param("127.0.0.1:1", "127.0.0.1:1", "http://a:9", id="the-same"),
        pytest.param("0.0.0.0:1", "127.0.0.1:1", "http://a:9", id="every-address-and-one"),
        pytest.param("0.0.0.0:1", "127.0.0.2:1", "http://a:9", id="every-address-and-an-odd-one"),
        pytest.param("127.0.0.2:1", "0.0.0.0:1", "http://a:9", id="an-odd-one-and-every-address"),
        pytest.param("127.0.0.1:1", "127.0.0.1:9", "http://127.0.0.1:9", id="pict-rs"),
        pytest.param("127.0.0.1:1", "127.0.0.1:9", "http://localhost:9", id="pict-rs-by-name"),
    ],
)
def test_pict_rs_asks_at_a_port_of_its_own(listen: str, callback: str, upstream: str) -> None:
    with pytest.raises(ValidationError, match="must not listen"):
        Settings(listen=listen, callback=Callback(listen=callback, url="http://filter:1"), upstream=upstream)


@pytest.mark.parametrize(
    ("listen", "callback", "upstream"),
    [
        pytest.param("127.0.0.1:0", "127.0.0.1:0", "http://a:9", id="the-system-chooses-two"),
        pytest.param("127.0.0.1:1", "127.0.0.2:1", "http://a:9", id="two-addresses"),
        pytest.param("127.0.0.1:1", "127.0.0.1:9", "http://a:9", id="pict-rs-on-another-machine"),
    ],
)
def test_ports_that_are_no_other_s(listen: str, callback: str, upstream: str) -> None:
    made = Settings(listen=listen, callback=Callback(listen=callback), upstream=upstream)
    assert made.callback_address == split_listen(callback)


@pytest.mark.parametrize("listen", ["0.0.0.0:8082", "[::]:8082"])
def test_every_address_is_none_to_ask_at(listen: str) -> None:
    with pytest.raises(ValidationError, match="must be given where the filter listens on every address"):
        Callback(listen=listen)
    assert Callback(listen=listen, url="http://filter:8082").url == "http://filter:8082"


def test_what_is_internal_is_off_but_for_what_lemmy_needs() -> None:
    assert Settings().internal_api == ("purge", "delete")


def test_the_folder_may_be_in_the_home_of_whoever_runs_it() -> None:
    assert Settings().state_folder == Path("~/.local/state/pictrs-filter")
    assert Settings(state_dir="/var/lib/filter").state_folder == Path("/var/lib/filter")
    with pytest.raises(ValidationError):
        Settings(state_dir="")


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:12"])
def test_device(device: str) -> None:
    assert Settings(device=device).device == device


@pytest.mark.parametrize("device", ["", "gpu", "CUDA", "cuda:", "cuda:x", "cuda:1 ", "mps", "cuda:1\n"])
def test_device_that_is_refused(device: str) -> None:
    with pytest.raises(ValidationError):
        Settings(device=device)


@pytest.mark.parametrize("user_agent", ["x", "x" * 200, "pictrs-filter (+https://example.org)"])
def test_user_agent(user_agent: str) -> None:
    assert Fetch(user_agent=user_agent).user_agent == user_agent


@pytest.mark.parametrize("user_agent", ["", " ", "x" * 201, "a\r\nb: c", "ä", " x", "x ", "x\n", "x\x00"])
def test_user_agent_that_is_refused(user_agent: str) -> None:
    with pytest.raises(ValidationError):
        Fetch(user_agent=user_agent)


@pytest.mark.parametrize("ports", [(), (0,), (65_536,), ("80",), (80.0,), (True,), "80", 80, {80: 1}])
def test_ports_that_are_refused(ports: object) -> None:
    with pytest.raises(ValidationError):
        Fetch.model_validate({"ports": ports})
