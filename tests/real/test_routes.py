"""Each row of the route table, method by method and source by source, asked of four real pict-rs: the versions that it
and the README name are those that have it. Nothing of the filter is in between.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from addons.pictrs.table import ROUTES, Body, Kind, Route
from tests.conftest import RunReal
from tests.http1 import Answer, ask, form, upload
from tests.pictrs import VERSIONS, RealPictrs
from tests.real.conftest import ALLOW_LOCAL, WAIT_SECONDS, fresh
from tests.recorder import Site

pytestmark = pytest.mark.once  # pict-rs and the table, no proxy

Case = tuple[Route, str, str]


def cases() -> Iterator[Case]:
    """(row, method, key of its source or empty)."""
    for route in ROUTES:
        for method in route.methods:
            for source in sorted(route.grammar.one_of) or [""]:
                yield route, method, source


EACH = [pytest.param(case, id=f"{case[1]} {case[0].path} {case[2]}".strip()) for case in cases()]


def since(case: Case) -> str:
    """From which line on pict-rs has it, by the row and what its note says of a method or a source."""
    route, method, source = case
    found = "0.3" if route.versions == "all" else route.versions.removesuffix("+")[:3]
    if method == "HEAD" and "HEAD from 0.4" in route.note:
        found = max(found, "0.4")
    if source == "alias" and "`alias=` from 0.5" in route.note:
        found = max(found, "0.5")
    return found


class Asked:
    """One request of a row, with all that it needs to succeed."""

    def __init__(self, real: RealPictrs, site: Site) -> None:
        self.real, self.site = real, site
        (file,) = upload(real.address, fresh()).json()["files"]
        self.alias, self.token = file["file"], file["delete_token"]
        self._url = ""

    def ask(self, case: Case) -> Answer:
        """Send it."""
        route, method, source = case
        path = route.path.format(name=self.alias, token=self.token, format="webp")
        values = {"alias": self.alias, "src": self.alias, "url": self.site.put("/a.png", fresh())}
        if source == "proxy":
            values["proxy"] = self.proxied()
        if source == "upload_id":
            values["upload_id"] = self.upload_id()
        query = f"?{source}={quote(values[source], safe='')}" if source else ""
        if "process" in path:
            query += "&thumbnail=16"
            ask(self.real.address, "GET", f"/image/process.webp{query}")  # what is only looked up must be there
        headers, body = {"X-Api-Token": self.real.api_key} if "/internal/" in path else {}, None
        if route.body is Body.FILES:
            more, body = form(fresh(), filename=f"import-{self.alias}")
            headers |= more
        elif route.body is Body.ALIAS:
            headers["Content-Type"], body = "application/json", json.dumps({"alias": self.alias}).encode()
        return ask(self.real.address, method, path + query, body, headers)

    def proxied(self) -> str:
        """A remote picture that pict-rs has, where it has such things: look-ups of others are a 404."""
        if not self._url:
            self._url = self.site.put(f"/{self.alias}", fresh())
            ask(self.real.address, "GET", f"/image/original?proxy={quote(self._url, safe='')}")
        return self._url

    def upload_id(self) -> str:
        """Of a backgrounded upload; a made-up one where there are none."""
        answer = upload(self.real.address, fresh(), target="/image/backgrounded")
        return str(answer.json()["uploads"][0]["upload_id"]) if answer.status == 202 else "0" * 36


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as made:
        yield made


@pytest.mark.parametrize("case", EACH)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_row_is_in_the_versions_that_it_names(run_real: RunReal, version: str, case: Case, site: Site) -> None:
    if version not in _asked:
        _asked[version] = Asked(run_real(version, ALLOW_LOCAL), site)
    route, method, _ = case
    asked = _asked[version] if route.kind is Kind.READ else Asked(_asked[version].real, site)  # others change it
    there = since(case) <= asked.real.line
    if "from 0.6 only where pict-rs runs on sled" in route.note and asked.real.line == "0.6":
        there = False  # the default repository is another one
    answer = asked.ask(case)
    end = time.monotonic() + WAIT_SECONDS
    while there and answer.status == 404 and time.monotonic() < end:  # what it has made it stores in the background
        time.sleep(0.1)
        answer = asked.ask(case)
    assert (answer.status < 400) == there, (answer.status, answer.body[:300])
    if not there:
        assert answer.status in (400, 404, 405)
    elif route.kind is Kind.READ and method == "HEAD":
        assert answer.body == b""


_asked: dict[str, Asked] = {}
"""By version, for the tests of this file; run_real ends the programs."""
