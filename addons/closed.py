"""The mitmproxy options under which the gate is closed, as a table; checked at start and at every later change.

mitmproxy forwards a flow when a hook raises, when a script fails to load, or when an option tells it to bypass the
hooks. So its upstream is a dead address: only an allowed flow names pict-rs, and `server_connect` refuses every other
address. What remains are options that would let bytes by in another way; each has one value here, and a start with
another one ends with the line to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mitmproxy.options import Options

DEAD_UPSTREAM = ("127.0.0.1", 9)
"""Where mitmproxy thinks that pict-rs is: the discard port, on which nothing listens."""
MODE = f"reverse:http://{DEAD_UPSTREAM[0]}:{DEAD_UPSTREAM[1]}"

FORCED: Mapping[str, object] = {
    "connection_strategy": "lazy",  # eager connects before a request is read
    "http2": False,  # an h2 body without a length goes upstream unframed and becomes a second request
    "http3": False,
    "rawtcp": False,  # after a 101 answer bytes would flow unseen
    "websocket": False,
    "onboarding": False,  # answers for a magic host name, before our hooks
    "upstream_cert": False,
    "flow_detail": 0,  # mitmdump would print addresses with delete tokens, and from 2 on users' cookies
}
"""Set by us at start, because mitmproxy's defaults differ and nobody has a reason to choose otherwise."""

REQUIRED: Mapping[str, object] = {
    "mode": [MODE],
    "validate_inbound_headers": True,
    "ignore_hosts": [],  # decided on the client's own Host header; ignored hosts bypass every hook
    "allow_hosts": [],
    "tcp_hosts": [],
    "udp_hosts": [],
    "stream_large_bodies": None,  # a streamed request is upstream before it is judged
    "body_size_limit": None,  # would cap pict-rs's answers too; request bodies are limited by our own settings
    "map_local": [],
    "map_remote": [],
    "modify_body": [],
    "modify_headers": [],
    "block_list": [],
    "client_replay": [],
    "server_replay": [],
    "upstream_auth": None,
    "proxyauth": None,
    "save_stream_file": None,  # flow dumps hold users' cookies and pictures
    "hardump": "",
    "store_streamed_bodies": False,  # keeps whole answers in memory (mitmproxy 12)
}
"""Must hold, and is an operator's own doing when it does not."""


def force(options: Options) -> None:
    """Set what FORCED names, as far as this master knows the option."""
    options.update(**{name: value for name, value in FORCED.items() if name in options})


def faults(options: Options) -> list[str]:
    """What is wrong with the options, one instruction each; empty when the gate is closed."""
    found = []
    for name, wanted in {**REQUIRED, **FORCED}.items():
        if name not in options:
            continue
        value: Any = getattr(options, name)
        value = list(value) if isinstance(wanted, list) else value
        if value != wanted:
            found.append(f"mitmproxy's option '{name}' must be {_spell(wanted)}: {_cure(name, wanted)}")
    return found


def _spell(value: object) -> str:
    return "unset" if value in (None, [], "") else str(value[0] if isinstance(value, list) else value).lower()


def _cure(name: str, wanted: object) -> str:
    if name == "mode":
        return f"start with --mode {MODE}"
    if wanted in (None, [], ""):
        return f"drop it from the command line and from mitmproxy's config.yaml, or pass --set {name}="
    return f"pass --set {name}={_spell(wanted)}"
