"""The routes of the internal port. Handlers that are no coroutines run in threads: the log may take a while to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from addons.audit.reader import LogError
from addons.audit.row import Row
from addons.metrics.metrics import CONTENT_TYPE
from addons.page import access, figures, history, listing
from addons.page.access import Refused
from addons.page.changes import Changes
from addons.page.forms import FormError
from addons.page.guard import Guard
from addons.page.overview import overview
from addons.page.rendering import Rendering
from addons.page.sessions import Sessions
from addons.page.sources import BookError, Kind, Sources
from addons.page.week import Week

STATIC = Path(__file__).with_name("static")


class Views:
    """The pages that show something."""

    def __init__(self, sources: Sources, sessions: Sessions) -> None:
        self._sources = sources
        self._sessions = sessions
        self._rendering = Rendering()
        self._week = Week(sources.log, sources.clock) if sources.log is not None else None

    async def alive(self, request: Request) -> Response:
        """Whether this process lives, and nothing else."""
        return PlainTextResponse("alive\n")

    async def ready(self, request: Request) -> Response:
        """Whether pictures can be judged; 503 with the reasons why not."""
        reasons = self._sources.unready()
        return PlainTextResponse("".join(f"{reason}\n" for reason in reasons) or "ready\n", 503 if reasons else 200)

    def metrics(self, request: Request) -> Response:
        """The metrics in Prometheus' text format."""
        return Response(self._sources.exposition(), headers={"Content-Type": CONTENT_TYPE})

    def status(self, request: Request) -> Response:
        """The status page."""
        threshold = figures.parse_threshold(request.query_params.get("threshold", ""))
        asked = None if threshold is None else (request.query_params.get("signal", ""), threshold)
        return self._page(request, "status.html", overview=overview(self._sources, self._week, asked))

    def verdicts(self, request: Request) -> Response:
        """The history."""
        wanted, trouble = history.parse(request.query_params)
        found = history.Page(())
        try:
            if self._sources.log is None:
                trouble = "The log of verdicts is off (audit.keep_rows: 0)."
            else:
                found = history.page(self._sources.log, wanted)
        except LogError as error:
            trouble = str(error)
        return self._page(request, "verdicts.html", wanted=wanted, page=found, trouble=trouble)

    def verdict(self, request: Request) -> Response:
        """One verdict, and the forms that put its file on a list."""
        ref = request.path_params["ref"]
        try:
            log = self._sources.log
            row = log.get(ref) if log is not None and history.REF.fullmatch(ref) else None
        except LogError as error:
            raise Refused(503, str(error)) from error
        if row is None:
            raise Refused(404, "The log has no verdict with this ref.")
        on, trouble = self._lists_of(request, row)
        listed = trouble or listing.told(request.query_params.get("listed", ""), on)
        return self._page(request, "verdict.html", row=row, listed=listed, on=on)

    def _lists_of(self, request: Request, row: Row) -> tuple[Sequence[Kind], str]:
        """The own lists that the file is on, for who is logged in, and what is wrong where that cannot be told."""
        book = self._sources.book
        if book is None or row.sha256 is None or access.session(request, self._sessions) is None:
            return (), ""
        try:
            return book.on(row.sha256), ""
        except BookError as error:
            return (), str(error)

    def login(self, request: Request) -> Response:
        """The form for the token."""
        return self._page(request, "login.html")

    def refused(self, request: Request, error: Exception) -> Response:
        """The answer for what is refused: a page, or JSON for a script."""
        status = error.status if isinstance(error, (Refused, FormError)) else 500
        if isinstance(error, HTTPException):
            status = error.status_code
        text = error.detail if isinstance(error, HTTPException) else str(error)
        if access.is_script(request):
            return JSONResponse({"error": text}, status)
        return self._page(request, "refused.html", status, text=text)

    def _page(self, request: Request, template: str, status: int = 200, **values: object) -> Response:
        found = access.session(request, self._sessions)
        common = {"path": request.url.path, "session": found, "possible": self._sessions.possible}
        return self._rendering.response(template, status, **common, **values)


def build(sources: Sources, sessions: Sessions, hosts: tuple[str, ...] = ()) -> Starlette:
    """The application. `hosts`: names, beside localhost, by which it may be asked for."""
    views, changes = Views(sources, sessions), Changes(sources, sessions)
    refused: Callable[[Request, Exception], Response] = views.refused
    return Starlette(
        routes=[
            Route("/healthz", views.alive),
            Route("/readyz", views.ready),
            Route("/metrics", views.metrics),
            Route("/", views.status),
            Route("/verdicts", views.verdicts),
            Route("/verdicts/{ref}", views.verdict),
            Route("/login", views.login),
            Route("/login", changes.login, methods=["POST"]),
            Route("/logout", changes.logout, methods=["POST"]),
            Route("/allow", changes.allow, methods=["POST"]),
            Route("/deny", changes.deny, methods=["POST"]),
            Route("/allow/remove", changes.no_allow, methods=["POST"]),
            Route("/deny/remove", changes.no_deny, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers={Refused: refused, FormError: refused, HTTPException: refused},
    )
