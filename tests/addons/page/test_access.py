"""Who may change something: which cookie, which word, which token, from where."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response

from addons.page import access
from addons.page.access import COOKIE, WORD, Refused
from addons.page.sessions import Sessions
from addons.page.token import Token

TOKEN = "a token of these tests"
OWN = {"host": "127.0.0.1:8083", "origin": "http://127.0.0.1:8083", "sec-fetch-site": "same-origin"}
FOREIGN = {"host": "127.0.0.1:8083", "origin": "http://evil.example", "sec-fetch-site": "cross-site"}


def request(**headers: str) -> Request:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": pairs, "client": ("127.0.0.1", 5)})


def status(asked: Request, form: dict[str, str], sessions: Sessions) -> int:
    """200, or that of the refusal."""
    try:
        access.require(asked, form, sessions)
    except Refused as refused:
        return refused.status
    return 200


@pytest.mark.parametrize(
    ("headers", "cookie", "word", "expected"),
    [
        (OWN, True, True, 200),
        (OWN, False, True, 401),
        (OWN, True, False, 403),
        (FOREIGN, True, True, 403),
    ],
)
def test_a_browser_needs_its_cookie_its_word_and_a_page_of_ours(
    headers: dict[str, str], cookie: bool, word: bool, expected: int
) -> None:
    sessions = Sessions(Token(TOKEN))
    begun = sessions.begin()
    cookies = {"cookie": f"{COOKIE}={begun.key}"} if cookie else {}
    assert status(request(**headers, **cookies), {WORD: begun.form if word else "other"}, sessions) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"authorization": f"Bearer {TOKEN}"}, 200),
        ({"authorization": f"bearer  {TOKEN} "}, 200),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"authorization": f"Bearer {TOKEN}", **FOREIGN}, 403),
    ],
)
def test_a_script_needs_the_token(headers: dict[str, str], expected: int) -> None:
    assert status(request(**headers), {}, Sessions(Token(TOKEN))) == expected


def test_without_a_token_nobody_changes_anything() -> None:
    assert status(request(authorization="Bearer "), {}, Sessions(None)) == 403


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    response, sessions = Response(), Sessions(Token(TOKEN))
    access.set_cookie(response, sessions.begin())
    told = response.headers["set-cookie"].lower()
    assert all(word in told for word in ("httponly", "samesite=strict", "path=/", "max-age="))
