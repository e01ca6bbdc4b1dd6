"""Forms that change something: login, logout, and a file's way onto the lists `allow` and `deny`."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from addons.audit.reader import LogError
from addons.page import access, forms
from addons.page.access import Refused
from addons.page.guard import is_own
from addons.page.history import REF
from addons.page.listing import REMOVED
from addons.page.sessions import Sessions
from addons.page.sources import BookError, Kind, Sources

SEE_OTHER = 303


class Changes:
    """The handlers. What they raise (Refused, FormError) app.py turns into an answer."""

    def __init__(self, sources: Sources, sessions: Sessions) -> None:
        self._sources = sources
        self._sessions = sessions

    async def login(self, request: Request) -> Response:
        """The token, once: a session for it."""
        form = await forms.read(request)
        if not is_own(request.headers):
            raise Refused(403, "This form does not come from a page of this filter.")
        if not self._sessions.possible:
            raise Refused(403, "Nobody can log in: admin.token_file is not set.")
        access.check_token(request, form.get("token", "").strip(), self._sessions)
        response = RedirectResponse("/", SEE_OTHER)
        access.set_cookie(response, self._sessions.begin())
        return response

    async def logout(self, request: Request) -> Response:
        """End the session."""
        form = await forms.read(request)
        access.require(request, form, self._sessions)
        found = access.session(request, self._sessions)
        if found is not None:
            self._sessions.end(found)
        response = RedirectResponse("/", SEE_OTHER)
        access.drop_cookie(response)
        return response

    async def allow(self, request: Request) -> Response:
        """Let a file of the history pass from now on."""
        return await self._list(request, "allow")

    async def deny(self, request: Request) -> Response:
        """Refuse a file of the history from now on."""
        return await self._list(request, "deny")

    async def no_allow(self, request: Request) -> Response:
        """Take a file of the history off the list `allow`."""
        return await self._list(request, "allow", remove=True)

    async def no_deny(self, request: Request) -> Response:
        """Take a file of the history off the list `deny`."""
        return await self._list(request, "deny", remove=True)

    async def _list(self, request: Request, kind: Kind, *, remove: bool = False) -> Response:
        form = await forms.read(request)
        access.require(request, form, self._sessions)
        ref, digest, on = await run_in_threadpool(self._put, kind, form, remove)
        if access.is_script(request):
            return JSONResponse({"list": kind, "ref": ref, "sha256": digest, "on": on})
        return RedirectResponse(f"/verdicts/{ref}?listed={REMOVED[kind] if remove else kind}", SEE_OTHER)

    def _put(self, kind: Kind, form: Mapping[str, str], remove: bool) -> tuple[str, str, list[Kind]]:
        """Put the file with the form's `ref` on the list, or take it off. Gives its ref, SHA-256 and lists. Blocks."""
        ref, note = form.get("ref", ""), forms.note(form.get("note", ""))
        if not REF.fullmatch(ref):
            raise Refused(400, "A ref has eight digits of 0-9 and a-f.")
        if self._sources.log is None or self._sources.book is None:
            raise Refused(503, "There is no log, or no list, that could be used.")
        try:
            rows = self._sources.log.rows(ref=ref)
            if not rows:
                raise Refused(404, "The log has no verdict with this ref.")
            row = rows[0]
            if len({each.sha256 for each in rows}) > 1:  # a ref has 32 bits
                raise Refused(409, f"The log has this ref of several files: use pictrs-filter {kind} with the SHA-256.")
            if row.sha256 is None:
                raise Refused(409, f"The hash of this file was not kept (audit.hashes): use pictrs-filter {kind} FILE.")
            if remove:
                self._sources.book.remove(kind, row.sha256)
            else:
                self._sources.book.add(kind, row.sha256, note or f"ref {ref}, from the status page")
            return ref, row.sha256, list(self._sources.book.on(row.sha256))
        except (LogError, BookError) as error:
            raise Refused(503, str(error)) from error
