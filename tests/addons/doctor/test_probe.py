"""The probe: what pict-rs is made to ask for, and who hears it."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from addons.doctor import probe as room
from addons.doctor.answerer import Who
from addons.doctor.probe import callback_base, probe
from addons.fetch.seal import Seal
from addons.fetch.staging import PROBE
from addons.state import KEY_NAME, load_key
from tests.addons.doctor.wards import Ward
from tests.http1 import Request, ask, write_answer
from tests.ports import closed_address
from tests.recorder import Recorder


def asked_for(request: Request) -> str:
    return parse_qs(urlsplit(request.target).query)["proxy"][0]


def asking(request: Request) -> bytes:
    """A pict-rs that asks for what it is given, and says so."""
    parts = urlsplit(asked_for(request))
    status = ask((str(parts.hostname), int(parts.port or 80)), "GET", parts.path).status
    return write_answer(500, json.dumps({"msg": f"Unable to download image, bad response {status}"}).encode())


@pytest.mark.parametrize("key", [True, False])
async def test_the_doctor_listens_where_no_filter_does(tmp_path: Path, key: bool) -> None:
    with Recorder(asking) as pictrs:
        ward = Ward(tmp_path, pictrs.url, key=key)
        found = await probe(ward.patient())
        (sent,) = map(asked_for, pictrs.requests)
    assert (found.reached, found.by_itself, found.local) == (True, True, False)
    assert sent.startswith(f"http://{ward.calls}/v/")
    if key:  # then it is what the filter knows for the probe
        assert Seal(load_key(tmp_path / "state")).url(sent.rpartition("/")[2]) == PROBE
    else:
        assert not (tmp_path / "state" / KEY_NAME).exists()


async def test_only_the_probe_itself_counts(tmp_path: Path) -> None:
    """Not what else comes in at that moment, nor pict-rs's word for it."""

    def elsewhere(request: Request) -> bytes:
        parts = urlsplit(asked_for(request))
        ask((str(parts.hostname), int(parts.port or 80)), "GET", "/v/another")
        return write_answer(500, b'{"msg": "bad response 404 Not Found"}')

    with Recorder(elsewhere) as pictrs:
        found = await probe(Ward(tmp_path, pictrs.url).patient())
    assert not found.reached


async def test_where_a_filter_listens_pict_rs_is_believed(tmp_path: Path) -> None:
    with Recorder(asking) as pictrs, Recorder(lambda _: write_answer(404)) as calls:
        ward = Ward(tmp_path, pictrs.url)
        ward.path.write_text(ward.path.read_text().replace(ward.calls, calls.url.removeprefix("http://")))
        found = await probe(ward.patient())
    assert (found.reached, found.by_itself, found.known) == (True, False, Who.STRANGER)


async def test_a_local_refusal(tmp_path: Path) -> None:
    with Recorder(lambda _: write_answer(400, b'{"msg": "Proxy url resolves to local address"}')) as pictrs:
        found = await probe(Ward(tmp_path, pictrs.url).patient())
    assert (found.reached, found.local) == (False, True)


async def test_pict_rs_that_takes_too_long_or_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closed_address() as (host, port):
        assert "did not answer" in (await probe(Ward(tmp_path, f"http://{host}:{port}").patient())).trouble

    async def late(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(room, "ask_back", late)
    found = await probe(Ward(tmp_path, "http://127.0.0.1:1").patient())
    assert (found.reached, found.words) == (False, "it did not answer within 15 seconds")


async def test_an_address_that_is_not_here(tmp_path: Path) -> None:
    ward = Ward(tmp_path, "http://127.0.0.1:1")
    ward.path.write_text(ward.path.read_text().replace(ward.calls, "198.51.100.1:8082"))
    assert "198.51.100.1:8082) cannot be listened on from here" in (await probe(ward.patient())).trouble


def test_where_pict_rs_is_sent(tmp_path: Path) -> None:
    ward = Ward(tmp_path, "http://127.0.0.1:1")
    assert callback_base(ward.patient()) == f"http://{ward.calls}"
    named = Ward(tmp_path, "http://127.0.0.1:1", callback=", url: 'http://filter:8082'")
    assert callback_base(named.patient()) == "http://filter:8082"
