"""Requests about a remote picture (`?proxy=`): what goes on names an address of ours, and views are noted."""

from __future__ import annotations

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from addons.gatekeeper import Forward
from addons.pictrs import answers
from tests.addons.desk import BASE, SEAL, SETTINGS, Desk, status_of

PICTURE = "http://h/a.png"
QUERY = "proxy=http%3A%2F%2Fh%2Fa.png"


def named(forward: Forward) -> str | None:
    """The address that a request for pict-rs stands for, when its `proxy=` is a staged one of ours."""
    (staged,) = parse_qs(urlsplit(forward.target).query, strict_parsing=True)["proxy"]
    found = re.fullmatch(re.escape(BASE) + "/v/([A-Za-z0-9_-]+)", staged)
    return found and SEAL.url(found[1])


@pytest.mark.parametrize(
    ("request_line", "path", "opened"),
    [
        (f"GET /image/original?{QUERY}", "/image/original", True),
        (f"HEAD /image/original?{QUERY}", "/image/original", False),
        (f"GET /image/process.webp?{QUERY}&thumbnail=32", "/image/process.webp", True),
        (f"GET /image/blurhash?{QUERY}", "/image/blurhash", True),
        (f"GET /image/details/original?{QUERY}", "/image/details/original", False),
        (f"GET /image/process_backgrounded.png?{QUERY}", "/image/process_backgrounded.png", False),
        (f"POST /internal/purge?{QUERY}", "/internal/purge", False),
        (f"POST /internal/delete?{QUERY}", "/internal/delete", False),
    ],
)
async def test_pict_rs_is_named_an_address_of_ours(request_line: str, path: str, opened: bool) -> None:
    method, target = request_line.split()
    desk = Desk()
    before = time.monotonic()
    forward = await desk.ask(method, target)
    assert isinstance(forward, Forward)
    assert (forward.method, urlsplit(forward.target).path, forward.body) == (method, path, b"")
    assert named(forward) == PICTURE
    assert (forward.ticket is not None) is opened
    if forward.ticket is not None:
        assert forward.ticket.url == PICTURE
        assert before + 5 <= forward.ticket.deadline <= time.monotonic() + 5
    assert desk.fetcher.asked == []  # what pict-rs has already needs no fetch
    assert desk.judge.seen == []


async def test_two_spellings_of_an_address_are_one() -> None:
    """pict-rs files proxied media under the text of their address."""
    desk = Desk()
    targets = set()
    for written in ("http://h/a.png", "HTTP://H:80/x/../a.png", "http%3A%2F%2Fh%2Fa.png%23part"):
        forward = await desk.ask("GET", f"/image/original?proxy={written}")
        assert isinstance(forward, Forward)
        targets.add(forward.target)
    assert len(targets) == 1


@pytest.mark.parametrize("address", ["ftp://h/a.png", "http://h:9/a.png", "http://u:p@h/a.png", "h/a.png", "http://"])
async def test_an_address_that_is_not_asked_is_refused_here(address: str) -> None:
    desk = Desk()
    for target in (f"/image/original?proxy={address}", f"/image/download?url={address}"):
        answer = await desk.ask("GET", target)
        assert not isinstance(answer, Forward)
        assert (answer.status, answer.code) == (400, "download-file-error")
    assert desk.fetcher.asked == []


@pytest.mark.parametrize("placeholder", [True, False])
async def test_a_browser_is_shown_a_picture_instead(placeholder: bool) -> None:
    desk = Desk(settings=SETTINGS.model_copy(update={"placeholder": placeholder}))
    accept = (b"Accept", b"image/webp,*/*;q=0.8")
    answer = await desk.ask("GET", "/image/original?proxy=http://u:p@h/a.png", accept)
    assert not isinstance(answer, Forward)
    assert answer.status == 400
    assert (dict(answer.headers)[b"Content-Type"] == b"image/png") is placeholder
    forward = await desk.ask("GET", f"/image/original?{QUERY}", accept)
    assert isinstance(forward, Forward)
    assert forward.ticket is not None
    assert forward.ticket.as_picture is placeholder


@pytest.mark.parametrize(
    ("target", "starting"),
    [
        (f"/image/original?{QUERY}", True),
        (f"/image/process.webp?{QUERY}&thumbnail=32", True),
        (f"/image/blurhash?{QUERY}", True),
        (f"/image/details/original?{QUERY}", False),
        (f"/image/process_backgrounded.png?{QUERY}", False),
        ("/image/original/a.png", False),
    ],
)
async def test_without_a_judge_pict_rs_is_not_made_to_ask(target: str, starting: bool) -> None:
    """pict-rs 0.6 would drop what it has when its call fails."""
    desk = Desk()
    desk.inspector.judge = None
    assert (await desk.ask("GET", target) == answers.STARTING) is starting


async def test_a_view_has_no_place_yet() -> None:
    """It gets one when pict-rs asks."""
    desk = Desk()
    forward = await desk.ask("GET", f"/image/original?{QUERY}")
    assert isinstance(forward, Forward)
    assert desk.admission.requests == 0


@pytest.mark.parametrize("route", ["purge", "delete"])
async def test_a_purge_is_the_end_of_what_is_kept_for_other_views(route: str) -> None:
    desk = Desk()
    token = SEAL.token(PICTURE)
    for _ in range(3):
        await desk.ask("GET", f"/image/original?{QUERY}")
    await desk.staging.answer(token, None)
    await desk.staging.answer(token, None)
    assert len(desk.fetcher.asked) == 1
    await desk.ask("POST", f"/internal/{route}?{QUERY}")
    await desk.staging.answer(token, None)
    assert len(desk.fetcher.asked) == 2


async def test_the_staged_address_of_another_view_is_not_taken_for_one() -> None:
    """A client who saw a staged address gets no further with it: it is an address like any other, of a private host."""
    desk = Desk()
    answer = await desk.ask("GET", f"/image/original?proxy={BASE}/v/{SEAL.token(PICTURE)}")
    assert status_of(answer) == 400  # port 8082 is not among those that may be asked
