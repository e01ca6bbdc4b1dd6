"""What pict-rs's answers mean for its way out. They are those of the real ones (tests/real/test_doctor.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from addons.doctor import answerer, machine
from addons.doctor.finding import Severity
from addons.doctor.way_out import way_out
from tests.addons.doctor.wards import Ward
from tests.addons.pictrs.surveyed import PictRs
from tests.http1 import Request, write_answer
from tests.recorder import Recorder

OUTSIDE = "http://example.com/a?b=c&allow_image=true"
ANSWERED = [
    (400, "command-failure", "Invalid media file provided"),
    (400, "media-disallowed", "Media type wasn't allowed for this upload"),
    (400, "validate-file-empty", "Uploaded file is empty"),
    (500, "download-file-error", "Unable to download image, bad response 404 Not Found"),
    (500, "download-file-error", "Invalid status: 404 Not Found"),
]
SILENT = [
    (500, "http-client-error", "Connection refused (os error 111)"),
    (500, "unknown-error", "failed to lookup address information: Name or service not known"),
    (500, "http-client-error", "Network unreachable"),
]


def saying(line: str, status: int, code: str, msg: str) -> Recorder:
    pict_rs = PictRs(line)

    def answer(request: Request) -> bytes:
        if "download" in request.target:
            return write_answer(status, json.dumps({"code": code, "msg": msg}).encode())
        return pict_rs(request)

    return Recorder(answer)


@pytest.mark.parametrize("answer", ANSWERED)
@pytest.mark.parametrize(("beside", "severity"), [(True, Severity.NOTE), (False, Severity.WARNING)])
async def test_a_way_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, str, str],
    beside: bool,
    severity: Severity,
) -> None:
    monkeypatch.setattr(machine, "is_own", lambda place: beside)
    with saying("0.5", *answer) as recorder:
        (found,) = await way_out(Ward(tmp_path, recorder.url).patient(outside=OUTSIDE))
    assert found.severity is severity
    assert ("IPAddressDeny=any" if beside else "internal: true") in found.cure


@pytest.mark.parametrize("answer", SILENT)
async def test_none(tmp_path: Path, answer: tuple[int, str, str]) -> None:
    with saying("0.6", *answer) as recorder:
        (found,) = await way_out(Ward(tmp_path, recorder.url).patient(outside=OUTSIDE))
    assert (found.severity, answer[2] in found.what) == (Severity.OK, True)


async def test_it_is_told_to_take_nothing(tmp_path: Path) -> None:
    """Whatever the address has in its query: these words are pict-rs's, and each stands there once."""
    with saying("0.5", *ANSWERED[0]) as recorder:
        await way_out(Ward(tmp_path, recorder.url).patient(outside=OUTSIDE))
        (target,) = (request.target for request in recorder.requests if "download" in request.target)
    assert target == (
        "/image/download?url=http%3A%2F%2Fexample.com%2Fa%3Fb%3Dc%26allow_image%3Dtrue"
        "&allow_image=false&allow_animation=false&allow_video=false"
    )


@pytest.mark.parametrize("line", ["0.3", "0.4"])
async def test_old_lines_are_not_asked(tmp_path: Path, line: str) -> None:
    """They do not know the words, and would store what they find."""
    with saying(line, *ANSWERED[0]) as recorder:
        (found,) = await way_out(Ward(tmp_path, recorder.url).patient(outside=OUTSIDE))
        assert not [request for request in recorder.requests if "download" in request.target]
    assert found.severity is Severity.NOTE


async def test_left_out(tmp_path: Path) -> None:
    with saying("0.5", *ANSWERED[0]) as recorder:
        assert await way_out(Ward(tmp_path, recorder.url).patient(outside="")) == []
        assert not [request for request in recorder.requests if "download" in request.target]


async def test_no_answer_is_no_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(*_: object, **__: object) -> None:
        raise TimeoutError

    with saying("0.5", *ANSWERED[0]) as recorder:
        patient = Ward(tmp_path, recorder.url).patient(outside=OUTSIDE)
        here = await answerer.upstream(patient)

        async def upstream(_: object) -> object:
            return here

        monkeypatch.setattr(answerer, "upstream", upstream)
        monkeypatch.setattr("addons.pictrs.asking.Asking.get", late)
        (found,) = await way_out(patient)
    assert (found.severity, "no answer within 12 seconds" in found.what) == (Severity.OK, True)
