"""Settings as an operator writes them: where to listen, where pict-rs is, how pictures are fetched, what is remembered.

What concerns the files themselves is in media.py, by the same rules (section.py). Nothing here reads a file or the
environment: that is load.py.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from config.addresses import (
    EVERYWHERE,
    MAX_PORT,
    check_callback,
    check_listen,
    check_network,
    check_upstream,
    is_loop,
    split_listen,
    split_upstream,
)
from config.admin import Admin
from config.audit import Audit
from config.media import Decoder, Failure, Limits, Looking
from config.notify import Notify
from config.problems import wrong
from config.section import Section


class Mode(StrEnum):
    """What a verdict does. `shadow` judges, logs and counts, and refuses nothing but the self-test card."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


InternalRoute = Literal[
    "import",
    "purge",
    "delete",
    "aliases",
    "identifier",
    "set_not_found",
    "variants",
    "hashes",
    "prune_missing",
    "export",
    "limits",
]
"""The routes below pict-rs's /internal/, for those who hold its API key; 0.5 and 0.6 together."""

DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]{1,3})?")
USER_AGENT = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?")


def _device(value: str) -> str:
    if not DEVICE.fullmatch(value):
        raise wrong("must be auto, cpu, cuda or cuda:N")
    return value


def _user_agent(value: str) -> str:
    if not USER_AGENT.fullmatch(value):
        raise wrong("must be 1 to 200 ASCII characters, no space at either end")
    return value


EngineName = Literal["auto", "torch", "onnxruntime"]
"""What runs the models; auto is the fastest that says the same."""

Port = Annotated[int, Field(ge=1, le=MAX_PORT)]
Network = Annotated[str, AfterValidator(check_network), Field(examples=["127.0.0.0/8"])]
Listen = Annotated[str, AfterValidator(check_listen), Field(examples=["0.0.0.0:8080"])]
Upstream = Annotated[str, AfterValidator(check_upstream), Field(examples=["http://pictrs-upstream:8080"])]
CallbackUrl = Annotated[str, AfterValidator(check_callback), Field(examples=["http://pictrs-filter:8082"])]
Device = Annotated[str, AfterValidator(_device), Field(examples=["cuda:0"])]
UserAgent = Annotated[str, AfterValidator(_user_agent)]


class Fetch(Section):
    """How remote pictures (`download?url=` and `?proxy=`) are fetched, by the filter and never by pict-rs."""

    ports: tuple[Port, ...] = Field((80, 443), min_length=1, description="ports that may be asked", strict=False)
    max_redirects: int = Field(3, ge=0, le=10, description="redirects followed, each checked anew")
    idle_seconds: float = Field(3.0, gt=0, le=60, description="seconds without a byte after which a fetch ends")
    user_agent: UserAgent = Field(
        "pictrs-filter (+https://github.com/pictrs-filter/pictrs-filter)", description="User-Agent header of a fetch"
    )
    allow_networks: tuple[Network, ...] = Field(
        (), description="private networks that may be fetched from; for tests and the demo", strict=False
    )


class Callback(Section):
    """Where pict-rs asks the filter for the media of a `?proxy=` address (and may ask for a verdict: /validate)."""

    listen: Listen = Field("127.0.0.1:8082", description="ADDRESS:PORT to listen on, for pict-rs alone")
    url: CallbackUrl = Field(
        "auto", description="the same place as pict-rs reaches it; auto: as `listen` says", validate_default=True
    )

    @field_validator("url")
    @classmethod
    def _is_one_place(cls, value: str, info: ValidationInfo) -> str:
        listen = info.data.get("listen", "")
        if value == "auto" and listen and split_listen(listen)[0] in EVERYWHERE:
            raise wrong(
                f"must be given where the filter listens on every address ({listen})", "http://pictrs-filter:8082"
            )
        return value


class Overload(Section):
    """How much is in hand at once; what comes on top is answered 503 at once."""

    media_requests: int = Field(32, ge=1, le=1024, description="uploads and fetches in hand at once")
    media_mib: int = Field(256, ge=1, le=65_536, description="MiB of pictures in hand at once, fetched ones too")
    requests: int = Field(512, ge=4, le=65_536, description="requests of any kind in hand at once")


class Cache(Section):
    """What is remembered, in memory only, and for how long. No picture is."""

    verdicts: int = Field(4096, ge=0, le=1_000_000, description="verdicts remembered, by SHA-256 of the bytes")
    verdict_seconds: float = Field(3600, gt=0, le=86_400, description="how long")
    addresses: int = Field(1024, ge=0, le=1_000_000, description="remote addresses remembered that gave no picture")
    refused_seconds: float = Field(300, gt=0, le=3600, description="how long, where a picture was refused")
    failed_seconds: float = Field(60, gt=0, le=3600, description="how long, where it could not be fetched")


class Settings(Section):
    """Everything but the policy. One instance, made at start by `config.load.load`."""

    listen: Listen = Field("127.0.0.1:8081", description="ADDRESS:PORT to listen on")
    upstream: Upstream = Field("http://127.0.0.1:8080", description="the address of pict-rs", validate_default=True)
    mode: Mode = Field(Mode.ENFORCE, description="enforce or shadow", strict=False)
    normalise: bool = Field(False, description="still pictures are encoded anew, from the pixels judged")
    placeholder: bool = Field(True, description="browsers get a picture in place of a refused proxied one")
    deadline_seconds: float = Field(8.0, gt=0, le=120, description="seconds for a verdict; Lemmy waits 10")
    device: Device = Field("auto", description="auto, cpu, cuda or cuda:N")
    backend: EngineName = Field("auto", description="auto, torch or onnxruntime")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="how much is logged")
    state_dir: str = Field("~/.local/state/pictrs-filter", min_length=1, description="folder for the key and the log")
    internal_api: tuple[InternalRoute, ...] = Field(
        ("purge", "delete"), description="routes below pict-rs's /internal/ that pass", strict=False
    )
    callback: Callback = Field(
        default_factory=Callback, description="where pict-rs asks for media of `?proxy=`", validate_default=True
    )
    admin: Admin = Field(
        default_factory=Admin, description="the internal port: metrics, health, status page", validate_default=True
    )
    limits: Limits = Field(default_factory=Limits, description="sizes beyond which a file is refused")
    views: Looking = Field(default_factory=Looking, description="how much of a file the models are shown")
    overload: Overload = Field(
        default_factory=Overload, description="how much is in hand at once", validate_default=True
    )
    cache: Cache = Field(default_factory=Cache, description="what is remembered, and for how long")
    audit: Audit = Field(default_factory=Audit, description="the log of verdicts")
    fetch: Fetch = Field(default_factory=Fetch, description="how remote pictures are fetched")
    decoder: Decoder = Field(default_factory=Decoder, description="the processes that decode")
    failure: Failure = Field(default_factory=Failure, description="what happens when a picture cannot be judged")
    notify: Notify = Field(default_factory=Notify, description="a webhook of the administrator's that is told")

    @field_validator("upstream")
    @classmethod
    def _is_not_the_filter(cls, value: str, info: ValidationInfo) -> str:
        listen = info.data.get("listen")
        if listen is not None and is_loop(split_listen(listen), split_upstream(value)):
            hint = "give pict-rs and the filter different ports, or different machines"
            raise wrong(f"must not be the address that the filter itself listens on ({listen})", hint)
        return value

    @field_validator("overload")
    @classmethod
    def _holds_a_request(cls, value: Overload, info: ValidationInfo) -> Overload:
        limits = info.data.get("limits")
        if limits is not None and value.media_mib < limits.max_request_mib:
            raise wrong(f"media_mib must be at least limits.max_request_mib ({limits.max_request_mib})", "raise it")
        return value

    @field_validator("callback")
    @classmethod
    def _has_a_port_of_its_own(cls, value: Callback, info: ValidationInfo) -> Callback:
        listen, upstream = info.data.get("listen"), info.data.get("upstream")
        mine = split_listen(value.listen)
        if (
            listen is not None
            and mine[1]
            and (is_loop(mine, split_listen(listen)) or is_loop(split_listen(listen), mine))
        ):
            raise wrong(f"must not listen where the filter itself listens for Lemmy ({listen})", "change its port")
        if upstream is not None and is_loop(mine, split_upstream(upstream)):
            raise wrong(f"must not listen at the address of pict-rs ({upstream})", "change its port")
        return value

    @field_validator("admin")
    @classmethod
    def _is_a_place_of_its_own(cls, value: Admin, info: ValidationInfo) -> Admin:
        mine, upstream = value.address, info.data.get("upstream")
        if mine is None:
            return value
        callback: Callback | None = info.data.get("callback")
        taken = {"listen": info.data.get("listen"), "callback.listen": callback.listen if callback else None}
        for name, other in taken.items():
            if mine[1] and other and (is_loop(mine, split_listen(other)) or is_loop(split_listen(other), mine)):
                raise wrong(f"must not listen where `{name}` does ({other})", "change its port")
        if upstream is not None and is_loop(mine, split_upstream(upstream)):
            raise wrong(f"must not listen at the address of pict-rs ({upstream})", "change its port")
        return value

    @property
    def callback_address(self) -> tuple[str, int]:
        """(host, port) to listen on for pict-rs; port 0 lets the system choose."""
        return split_listen(self.callback.listen)

    @property
    def state_folder(self) -> Path:
        """`state_dir`, in which ~ stands for the user's home."""
        return Path(self.state_dir)

    @property
    def listen_address(self) -> tuple[str, int]:
        """(host, port) to listen on; port 0 lets the system choose."""
        return split_listen(self.listen)

    @property
    def upstream_address(self) -> tuple[str, int]:
        """(host, port) of pict-rs, the only address that the proxy ever connects to."""
        return split_upstream(self.upstream)
