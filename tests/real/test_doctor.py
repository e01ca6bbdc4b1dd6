"""`pictrs-filter doctor` before the real pict-rs: sound, and broken in each way that takes no other machine to show.

Each test reads its JSON: which check speaks, how bad it says it is, and the line that cures it. Then the cure is
applied, where that is a line, and the doctor finds nothing. What takes networks of containers is in
tests/docker/test_doctor.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from addons.doctor import machine
from addons.launcher import Filter
from addons.pictrs import answers
from tests.addons.doctor.wards import Told, Ward
from tests.conftest import RunReal
from tests.http1 import write_answer
from tests.pictrs import RealPictrs, required
from tests.ports import closed_address, free_port
from tests.real.conftest import ALLOW_LOCAL, NOTHING, WITH_PROXY, fresh, holding
from tests.recorder import Recorder, Site
from tests.running import FakeJudge

pytestmark = pytest.mark.once  # the doctor and pict-rs; the filter between them is mitmproxy's least part

Captured = pytest.CaptureFixture[str]
VALIDATION = "PICTRS__MEDIA__EXTERNAL_VALIDATION"
PRIVATE_NAME = "filter.test"  # in the tree's /etc/hosts, as 127.0.0.1 (.ci/real-pictrs)
TWO = ("0.5.25", "0.6.0-rc.6")


@asynccontextmanager
async def serving(ward: Ward) -> AsyncIterator[None]:
    """The filter of this configuration, at work."""

    async def judge(*_: object) -> FakeJudge:
        return FakeJudge()

    running = Filter(ward.config, start_judge=judge, ask_upstream=False)
    await running.start()
    try:
        await running.warm()
        yield
    finally:
        await running.stop()


def words(finding: dict[str, str]) -> str:
    return " ".join(finding.values())


async def at_work(ward: Ward, capsys: Captured, outside: str = "") -> Told:
    async with serving(ward):
        return await ward.doctor(capsys, outside)


@pytest.mark.parametrize("version", ["0.5.25", "0.6.0-rc.6", "0.4.8", "0.3.0-alpha.42"])
async def test_a_sound_one(run_real: RunReal, tmp_path: Path, capsys: Captured, version: str) -> None:
    real = run_real(version, ALLOW_LOCAL)
    before = holding(real)
    with closed_address() as (host, port):
        told = await at_work(Ward(tmp_path, real.url), capsys, f"http://{host}:{port}/")
    assert (told.code, told.wrong()) == (0, [])
    assert f"pict-rs {real.line} answers at {real.url}" in told.of("upstream")["what"]
    severities = {each["check"]: each["severity"] for each in told.findings}
    old = version not in WITH_PROXY
    assert severities == {
        **dict.fromkeys(("upstream", "name-clash", "past-the-filter", "callback", "old-validator", "lemmy-time"), "ok"),
        "way-out": "note" if old else "ok",
    }
    assert (holding(real) - before).aliases == NOTHING.aliases  # what it uploaded is deleted


@pytest.mark.parametrize("running", [True, False], ids=["filter-runs", "filter-does-not-run"])
@pytest.mark.parametrize("version", TWO)
async def test_local_connections_not_allowed(
    run_real: RunReal, tmp_path: Path, capsys: Captured, version: str, running: bool
) -> None:
    ward = Ward(tmp_path, run_real(version).url)
    told = await (at_work(ward, capsys) if running else ward.doctor(capsys))
    assert (told.code, told.wrong()) == (1, [("allow-local-connections", "error")])
    found = told.of("allow-local-connections")
    assert "Proxy url resolves to local address" in found["what"]
    assert found["cure"].startswith("PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS=true in the environment of pict-rs")


@pytest.mark.parametrize("running", [True, False], ids=["filter-runs", "filter-does-not-run"])
@pytest.mark.parametrize("version", TWO)
async def test_a_callback_address_that_is_wrong(
    run_real: RunReal, tmp_path: Path, capsys: Captured, version: str, running: bool
) -> None:
    ward = Ward(tmp_path, run_real(version, ALLOW_LOCAL).url, callback=f", url: 'http://127.0.0.1:{free_port()}'")
    told = await (at_work(ward, capsys) if running else ward.doctor(capsys))
    assert (told.code, told.wrong()) == (1, [("callback", "error")])
    found = told.of("callback")
    assert "Connection refused" in found["what"]
    assert f"`callback: {{url: http://pictrs-filter:8082}}` in {ward.path}" in found["cure"]


async def test_a_callback_address_of_something_else(run_real: RunReal, tmp_path: Path, capsys: Captured) -> None:
    with Recorder(lambda _: write_answer(404)) as other:
        ward = Ward(tmp_path, run_real("0.5.25", ALLOW_LOCAL).url, callback=f", url: '{other.url}'")
        told = await at_work(ward, capsys)
    assert (told.code, told.wrong()) == (1, [("callback", "error")])
    assert "is not this filter, but something that is neither" in told.of("callback")["what"]


async def test_a_callback_of_another_filter(run_real: RunReal, tmp_path: Path, capsys: Captured) -> None:
    """mitmproxy runs one filter in a process, so the other one is only its answer."""
    nothing = answers.no_route(404, "nothing is staged here")
    with Recorder(lambda _: write_answer(nothing.status, nothing.body)) as other:
        ward = Ward(tmp_path, run_real("0.5.25", ALLOW_LOCAL).url, callback=f", url: '{other.url}'")
        told = await at_work(ward, capsys)
    assert told.wrong() == [("callback", "error")]
    assert "another filter, with another key" in told.of("callback")["what"]
    assert "state_dir" in told.of("callback")["cure"]


@pytest.mark.parametrize("version", ["0.5.25", "0.6.0-rc.6"])
async def test_a_validator_by_name(run_real: RunReal, tmp_path: Path, capsys: Captured, version: str) -> None:
    """As pictrs-safety's pages have it; the cure that is named makes it well."""
    ward = Ward(tmp_path, "http://127.0.0.1:1")
    with RealPictrs(version, {VALIDATION: f"http://{PRIVATE_NAME}:{ward.calls.split(':')[1]}/validate"}) as real:
        ward.path.write_text(ward.path.read_text().replace("http://127.0.0.1:1", real.url))
        told = await at_work(ward, capsys)
    by_address = f"{VALIDATION}=http://{ward.calls}/validate"
    found = told.of("old-validator")
    assert found["severity"] == "error"
    assert "a name that leads to a private network" in found["what"]
    assert f"delete {VALIDATION} from the environment" in found["cure"]
    assert by_address in found["cure"]
    assert "PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS=true" in found["cure"]
    variable, _, value = by_address.partition("=")
    with RealPictrs(version, {variable: value, **ALLOW_LOCAL}) as cured:
        ward.path.write_text(ward.path.read_text().replace(real.url, cured.url))
        assert (await at_work(ward, capsys)).wrong() == []


@pytest.mark.parametrize("version", ["0.5.25", "0.6.0-rc.6", "0.4.8"])
async def test_a_validator_that_is_dead(run_real: RunReal, tmp_path: Path, capsys: Captured, version: str) -> None:
    with closed_address() as (host, port):
        real = run_real(version, {VALIDATION: f"http://{host}:{port}/", **ALLOW_LOCAL})
        told = await Ward(tmp_path, real.url).doctor(capsys)
    assert told.wrong() == [("old-validator", "error")]
    found = told.of("old-validator")
    assert "does not reach its validator" in found["what"]
    assert f"delete {VALIDATION}" in found["cure"]


@pytest.mark.parametrize("version", ["0.5.25", "0.6.0-rc.6", "0.4.8"])
async def test_a_validator_that_refuses(run_real: RunReal, tmp_path: Path, capsys: Captured, version: str) -> None:
    with Recorder(lambda _: write_answer(400)) as validator:
        real = run_real(version, {VALIDATION: f"{validator.url}/", **ALLOW_LOCAL})
        told = await Ward(tmp_path, real.url).doctor(capsys)
    assert told.wrong() == [("old-validator", "error")]
    assert "validator refuses an ordinary picture" in told.of("old-validator")["what"]
    assert f"delete {VALIDATION}" in told.of("old-validator")["cure"]


@pytest.mark.parametrize("version", TWO)
async def test_a_way_out(run_real: RunReal, tmp_path: Path, capsys: Captured, version: str) -> None:
    """Whatever the address gives, a picture too: pict-rs says that it came there, and stores nothing."""
    real = run_real(version, ALLOW_LOCAL)
    before = holding(real)
    with Site() as site:
        site.put("/picture.png", fresh())
        for target in ("/picture.png", "/nothing"):
            told = await Ward(tmp_path, real.url).doctor(capsys, site.url + target, quick=True)
            assert told.of("way-out")["severity"] == "note"  # beside the filter; in containers it is a warning
            assert f"it fetched {site.url}{target}" in told.of("way-out")["what"]
            assert "IPAddressDeny=any" in told.of("way-out")["cure"]
        assert sum(site.fetches.values()) == 2
    assert holding(real) - before == NOTHING


async def test_an_outside_that_is_inside(run_real: RunReal, tmp_path: Path, capsys: Captured) -> None:
    with Site() as site:
        told = await Ward(tmp_path, run_real("0.5.25").url).doctor(capsys, site.url, quick=True)
        assert site.raw == []
    assert told.of("way-out")["severity"] == "note"
    assert "was not tried" in told.of("way-out")["what"]


@asynccontextmanager
async def published(host: str, target: tuple[str, int]) -> AsyncIterator[None]:
    """The same port, open at another address of this machine."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(*target)
        await asyncio.gather(pump(reader, forth), pump(back, writer))

    async with await asyncio.start_server(relay, host, target[1]):
        yield


async def test_open_to_other_machines(run_real: RunReal, tmp_path: Path, capsys: Captured) -> None:
    own = next((str(each) for each in machine.own_addresses() if each.version == 4), None)
    if own is None:
        if required():
            pytest.fail("PICTRS_FILTER_REAL_REQUIRED=1, but this machine has no address but loopback's", pytrace=False)
        pytest.skip("this machine has no address but loopback's")
    real = run_real("0.5.25", ALLOW_LOCAL)
    async with published(own, real.address):
        told = await Ward(tmp_path, real.url).doctor(capsys, quick=True)
    assert (told.code, told.wrong()) == (1, [("past-the-filter", "error")])
    found = told.of("past-the-filter")
    assert f"http://{own}:{real.address[1]}" in found["what"]
    assert f"PICTRS__SERVER__ADDRESS=127.0.0.1:{real.address[1]}" in found["cure"]


async def test_no_pict_rs_there(tmp_path: Path, capsys: Captured) -> None:
    with closed_address() as (host, port):
        told = await Ward(tmp_path, f"http://{host}:{port}").doctor(capsys)
    assert told.wrong() == [("upstream", "error")]
    assert "nothing listens at that port" in told.of("upstream")["what"]
    assert "start pict-rs" in told.of("upstream")["cure"]


async def test_the_filter_in_front_of_itself(tmp_path: Path, capsys: Captured) -> None:
    """By a name, which the configuration cannot know to be its own."""
    ward = Ward(tmp_path, "http://127.0.0.1:1")
    port = ward.listen.split(":")[1]
    text = ward.path.read_text().replace(f"listen: {ward.listen}", f"listen: 0.0.0.0:{port}")
    ward.path.write_text(text.replace("http://127.0.0.1:1", f"http://{socket.gethostname()}:{port}"))
    told = await at_work(ward, capsys)
    assert ("upstream", "error") in told.wrong()
    assert "points at this filter itself" in told.of("upstream")["what"]
    assert f"`upstream: http://pictrs-upstream:8080` in {ward.path}" in told.of("upstream")["cure"]
