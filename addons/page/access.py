"""Who sent a form: somebody who is logged in, from a page of ours, or a script that has the token."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from addons.page.guard import is_own
from addons.page.sessions import SESSION_SECONDS, WRONG_SECONDS, Session, Sessions, TooMany

COOKIE = "pictrs_filter_session"
WORD = "word"
"""The field of a form that holds the session's word."""
SCHEME = "bearer "


class Refused(Exception):
    """Nothing is changed. `status` is the answer's, the message is for who asked; it quotes nothing."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def is_script(request: Request) -> bool:
    """Whether the request shows a token by itself, as no browser does."""
    return request.headers.get("authorization", "").lower().startswith(SCHEME)


def session(request: Request, sessions: Sessions) -> Session | None:
    """Whose request it is, by its cookie."""
    return sessions.get(request.cookies.get(COOKIE))


def require(request: Request, form: Mapping[str, str], sessions: Sessions) -> None:
    """Let it pass, or raise Refused."""
    if not sessions.possible:
        raise Refused(403, "Nothing can be changed here: admin.token_file is not set.")
    if is_script(request):
        if ("origin" in request.headers or "sec-fetch-site" in request.headers) and not is_own(request.headers):
            raise Refused(403, "This request comes from another site.")
        check_token(request, request.headers["authorization"][len(SCHEME) :].strip(), sessions)
        return
    found = session(request, sessions)
    if found is None:
        raise Refused(401, "You are not logged in, or your login has ended.")
    if not is_own(request.headers) or not found.owns(form.get(WORD, "")):
        raise Refused(403, "This form does not come from a page of this filter. Load the page again.")


def check_token(request: Request, given: str, sessions: Sessions) -> None:
    """Raise Refused where that is not the token, or too many were not."""
    try:
        right = sessions.is_token(given, request.client.host if request.client else "")
    except TooMany:
        raise Refused(429, f"Too many wrong tokens: try again in {WRONG_SECONDS:g} seconds.") from None
    if not right:
        raise Refused(401, "That is not the token.")


def set_cookie(response: Response, begun: Session) -> None:
    """Give the browser its session. Not `Secure`: the port speaks plain HTTP, mostly on this machine."""
    response.set_cookie(COOKIE, begun.key, max_age=int(SESSION_SECONDS), path="/", httponly=True, samesite="strict")


def drop_cookie(response: Response) -> None:
    """Take it back."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
