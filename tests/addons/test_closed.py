"""The options under which the gate is closed: each one that is not so is named, with the line to change."""

from __future__ import annotations

import pytest
from mitmproxy.addons import default_addons, dumper
from mitmproxy.master import Master
from mitmproxy.options import Options

from addons import closed


@pytest.fixture
async def options() -> Options:
    """Every option that mitmdump has, in the state in which the gate is closed."""
    made = Options()
    Master(made).addons.add(*default_addons(), dumper.Dumper())
    made.update(mode=[closed.MODE])
    closed.force(made)
    return made


async def test_a_closed_gate_has_no_faults(options: Options) -> None:
    assert closed.faults(options) == []


OPEN: dict[str, object] = {
    "mode": ["reverse:http://pict-rs:8080"],
    "validate_inbound_headers": False,
    "ignore_hosts": [".*"],
    "allow_hosts": ["x"],
    "tcp_hosts": [".*"],
    "udp_hosts": [".*"],
    "stream_large_bodies": "1m",
    "body_size_limit": "1m",
    "map_local": ["|x|y"],
    "map_remote": ["|x|y"],
    "modify_body": ["/x/y"],
    "modify_headers": ["/x/y/z"],
    "block_list": [":~u x:204"],
    "client_replay": ["flows"],
    "server_replay": ["flows"],
    "upstream_auth": "a:b",
    "proxyauth": "any",
    "save_stream_file": "flows",
    "hardump": "x.har",
    "connection_strategy": "eager",
    "http2": True,
    "http3": True,
    "rawtcp": True,
    "websocket": True,
    "onboarding": True,
    "upstream_cert": True,
    "flow_detail": 1,
    "store_streamed_bodies": True,
}


def test_every_option_of_the_tables_is_tried_here() -> None:
    assert set(OPEN) == {*closed.REQUIRED, *closed.FORCED}


async def test_every_option_of_the_tables_exists(options: Options) -> None:
    # A misspelt or renamed option would never be checked. One came with mitmproxy 12.
    assert {name for name in OPEN if name not in options} <= {"store_streamed_bodies"}


@pytest.mark.parametrize("name", OPEN)
async def test_an_open_option_is_named_with_the_way_out(options: Options, name: str) -> None:
    if name not in options:
        assert name == "store_streamed_bodies"
        return
    # Set below mitmproxy's own checks, some of which want the file to exist.
    options._options[name].value = OPEN[name]
    (fault,) = closed.faults(options)
    assert f"'{name}'" in fault
    assert fault.partition(": ")[2]


async def test_several_modes_are_a_fault(options: Options) -> None:
    options._options["mode"].value = [closed.MODE, "regular@8899"]
    assert len(closed.faults(options)) == 1
