"""Settings: defaults, limits at their limit and one beyond, and what is not taken for something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from config.addresses import split_listen
from config.settings import (
    MIB,
    Cache,
    Callback,
    Decoder,
    Failure,
    Fetch,
    Limits,
    Looking,
    Mode,
    OnFailure,
    OverBudget,
    Overload,
    Settings,
)


def numbers() -> list[Any]:
    """Every number in the settings: its section, name and least and greatest value, from the field itself."""
    found: list[Any] = []
    for section in (Settings, Limits, Looking, Overload, Cache, Fetch, Decoder):
        for name, field in section.model_json_schema()["properties"].items():
            if field.get("type") in ("integer", "number"):
                low = field.get("minimum", field.get("exclusiveMinimum"))
                found.append(pytest.param(section, name, field, low, field["maximum"], id=f"{section.__name__}.{name}"))
    return found


# a limit that another one depends on is moved together with it
COMPANIONS = {"max_file_mib": {"max_request_mib": 4096}, "max_request_mib": {"max_file_mib": 1}}


@pytest.mark.parametrize(("section", "name", "field", "low", "high"), numbers())
def test_number_at_its_limits_and_one_beyond(
    section: type[BaseModel], name: str, field: dict[str, Any], low: float, high: float
) -> None:
    step = 1 if field["type"] == "integer" else 0.001
    least = low + step if "exclusiveMinimum" in field else low
    others = COMPANIONS.get(name, {})
    for value in (least, high):
        assert getattr(section.model_validate({**others, name: value}), name) == value
    for wrong in (least - step, high + step, True, str(high), None, float("nan"), float("inf")):
        with pytest.raises(ValidationError):
            section.model_validate({**others, name: wrong})


@pytest.mark.parametrize(("section", "name", "field", "low", "high"), numbers())
def test_whole_number_is_a_fraction_but_not_the_other_way(
    section: type[BaseModel], name: str, field: dict[str, Any], low: float, high: float
) -> None:
    if field["type"] == "number":
        assert type(getattr(section.model_validate({name: 1}), name)) is float
    else:
        with pytest.raises(ValidationError):
            section.model_validate({name: float(field["default"])})


def test_defaults_are_those_of_pict_rs_and_refuse() -> None:
    settings = Settings()
    limits = settings.limits
    assert settings.mode is Mode.ENFORCE
    assert set(dict(settings.failure).values()) == {OnFailure.REFUSE}
    assert (limits.max_file_bytes, limits.max_request_bytes) == (40 * MIB, 64 * MIB)
    assert (limits.max_side_pixels, limits.max_area_pixels, limits.max_frames) == (10_000, 40_000_000, 900)
    assert (limits.max_video_side_pixels, limits.max_video_area_pixels) == (3840, 3840 * 2160)
    assert (limits.max_video_total_pixels, limits.max_video_seconds) == (850_000_000, 24 * 60 * 60)
    assert settings.views.over_budget is OverBudget.REFUSE
    assert settings.fetch.allow_networks == ()
    assert settings.deadline_seconds < 10, "Lemmy gives up after 10 seconds"


def test_request_must_hold_the_largest_file() -> None:
    assert Limits(max_file_mib=64).max_request_mib == 64
    with pytest.raises(ValidationError, match=r"must be at least max_file_mib \(65\)"):
        Limits(max_file_mib=65)


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


@pytest.mark.parametrize("cause", Failure.model_fields)
@pytest.mark.parametrize("value", ["refuse", "pass"])
def test_failure_takes_two_words(cause: str, value: str) -> None:
    assert getattr(Failure.model_validate({cause: value}), cause) is OnFailure(value)
    for other in ("Pass", "", True, False, None):
        with pytest.raises(ValidationError):
            Failure.model_validate({cause: other})


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


@pytest.mark.parametrize("section", [Settings, Callback, Limits, Looking, Overload, Cache, Fetch, Decoder, Failure])
def test_unknown_key_is_refused_and_nothing_changes_afterwards(section: type[BaseModel]) -> None:
    with pytest.raises(ValidationError):
        section.model_validate({"nothing": 1})
    made = section()
    name = next(iter(section.model_fields))
    with pytest.raises(ValidationError):
        setattr(made, name, getattr(made, name))
