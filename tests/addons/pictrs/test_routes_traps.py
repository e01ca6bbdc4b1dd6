"""The traps that were shown to work against a naive filter, each shown to work on one here, and not on ours.

Three readers look at every target: a naive filter (naive.py), pict-rs (a model of it, actixroutes.py), and ours. The
targets of which pict-rs makes something else than a filter may think are the ones that bring media in unjudged.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest

from addons.pictrs.routes import CANONICAL, INTERNAL_API, Kind, RouteError, match
from tests.addons.pictrs.actixroutes import Ingest, ingest, path_and_query, steps
from tests.addons.pictrs.naive import forwards_unjudged

U = "http://h/cat.jpg"
E = quote(U, safe="")
STAGED = "http://127.0.0.1:8082/v/token"
FETCH = Ingest("fetch", U)

TRAPS = [
    # method, target, what pict-rs would do, what ours does: a status, or the kind and the canonical target
    # paths: they are decoded before they are matched, `#` cuts, absolute form is taken
    ("POST", "/im%61ge", Ingest("upload"), (Kind.UPLOAD, "/image")),
    ("POST", "/image#x", Ingest("upload"), 404),
    ("POST", "/image#x?crop=1x1", Ingest("upload"), 404),
    ("POST", "http://any/image", Ingest("upload"), 404),
    ("POST", "HTTPS://any:1/image", Ingest("upload"), 404),
    ("POST", "/image/background%65d", Ingest("upload"), (Kind.UPLOAD, "/image/backgrounded")),
    ("POST", "/internal/im%70ort", Ingest("import"), (Kind.IMPORT, "/internal/import")),
    ("POST", "/%69nternal/import", Ingest("import"), (Kind.IMPORT, "/internal/import")),
    ("GET", f"/image/do%77nload?url={E}", FETCH, (Kind.DOWNLOAD, "/image")),
    ("GET", f"http://any/image/download?url={E}", FETCH, 404),
    ("GET", f"/image/origina%6C?proxy={E}", FETCH, (Kind.READ, "/image/original")),
    ("GET", f"/image/%62lurhash?proxy={E}", FETCH, (Kind.READ, "/image/blurhash")),
    ("GET", f"/%69mage/process.webp?proxy={E}", FETCH, (Kind.READ, "/image/process.webp")),
    ("GET", f"/image/process.we%62p?proxy={E}", FETCH, (Kind.READ, "/image/process.webp")),
    # an extension that is none: pict-rs looks at it when the picture is already stored
    ("GET", f"/image/process.zzz?proxy={E}", FETCH, 404),
    ("GET", f"/image/process.WEBP?proxy={E}", FETCH, 404),
    ("GET", f"/image/process.webp%00?proxy={E}", FETCH, 404),
    # queries: `original` and `blurhash` take `proxy` before `alias`; in `process` a source that stands twice is none
    ("GET", f"/image/original?alias=a&proxy={E}", FETCH, 400),
    ("GET", f"/image/original?proxy={E}&alias=a", FETCH, 400),
    ("GET", f"/image/blurhash?alias=a&proxy={E}", FETCH, 400),
    ("GET", f"/image/process.webp?src=a&src=b&proxy={E}", FETCH, 400),
    ("GET", f"/image/process.webp?alias=a&alias=b&proxy={E}", FETCH, 400),
    ("GET", f"/image/process.webp?proxy={E}&src=a&%73rc=b", FETCH, 400),
    ("GET", f"/image/process.webp?src&alias=&src&alias=&proxy={E}", FETCH, 400),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target", "brings", "ours"), TRAPS)
def test_a_trap_catches_a_naive_filter_and_not_ours(
    method: str, target: str, brings: Ingest, ours: int | tuple[Kind, str]
) -> None:
    assert ingest(method, target.encode()) == brings
    assert forwards_unjudged(method, target.encode())
    if isinstance(ours, int):
        with pytest.raises(RouteError) as caught:
            match(method.encode(), target.encode(), INTERNAL_API)
        assert caught.value.status == ours
        return
    found = match(method.encode(), target.encode(), INTERNAL_API)
    sent = found.target(None if found.proxy is None else STAGED)
    assert (found.route.kind, sent.partition("?")[0]) == ours
    assert CANONICAL.fullmatch(sent.encode())
    if brings == FETCH:
        assert U in (found.proxy, found.query.get("url"))
        assert ingest(method, sent.encode()) in (None, Ingest("fetch", STAGED))


@pytest.mark.parametrize(("method", "target"), [
    ("POST", "/image"), ("POST", "/image/backgrounded?resize=5"), ("POST", "/internal/import"),
    ("GET", f"/image/download?url={E}"), ("GET", f"/image/original?proxy={E}"), ("GET", f"/image/blurhash?proxy={E}"),
    ("GET", f"/image/process.webp?proxy={E}&thumbnail=9"),
])  # fmt: skip
def test_the_naive_filter_judges_what_is_written_as_usual(method: str, target: str) -> None:
    # Or the traps above would show nothing.
    assert ingest(method, target.encode()) is not None
    assert not forwards_unjudged(method, target.encode())


@pytest.mark.parametrize("target", [
    "/image/", "//image", "/IMAGE", "/x/../image", "/image%2F", "/image%2fx", "/./image", "/image;x", "/im%2561ge",
    "//internal/import", "/internal%2Fimport",
])  # fmt: skip
def test_what_pict_rs_does_not_know_is_not_repaired(target: str) -> None:
    assert ingest("POST", target.encode()) is None
    with pytest.raises(RouteError) as caught:
        match(b"POST", target.encode(), INTERNAL_API)
    assert caught.value.status == 404


@pytest.mark.parametrize("target", [
    "/image?crop=1x20", "/image?blur=99", "/image?%63rop=1x20", "/image?resize=9&crop=1x20", "/image?identity=",
    "/image/backgrounded?crop=1x20", "/internal/import?blur=1", "/image?resize=Lanczos.9",
])  # fmt: skip
def test_an_upload_is_not_changed_after_it_was_judged(target: str) -> None:
    # The naive filter judges the body, and forwards the target as it came: pict-rs stores another picture than that.
    assert steps(target.encode())
    assert not forwards_unjudged("POST", target.encode())
    with pytest.raises(RouteError) as caught:
        match(b"POST", target.encode(), INTERNAL_API)
    assert caught.value.status == 400


@pytest.mark.parametrize("query", [
    f"url={E}&url={E}", f"url={E}&backgrounded=true&backgrounded=true", f"url={E}&backgrounded=TRUE", f"URL={E}",
    f"url={E}&backgrounded=", f"proxy={E}",
])  # fmt: skip
def test_a_download_that_pict_rs_refuses_is_refused(query: str) -> None:
    assert ingest("GET", f"/image/download?{query}".encode()) is None
    with pytest.raises(RouteError) as caught:
        match(b"GET", f"/image/download?{query}".encode())
    assert caught.value.status == 400


def test_an_address_that_lemmy_does_not_escape_is_whole_here_and_cut_off_in_pict_rs() -> None:
    whole = "http://h/q.jpg?width=640&s=a%2Fb"
    for target in (f"/image/original?proxy={whole}", f"/image/process.webp?proxy={whole}&thumbnail=96"):
        assert ingest("GET", target.encode()) == Ingest("fetch", "http://h/q.jpg?width=640")
        assert match(b"GET", target.encode()).proxy == whole
    details = match(b"GET", f"/image/details/original?proxy={quote(whole, safe='')}".encode())
    assert details.proxy == whole  # one address, one key


def test_the_model_of_pict_rs_reads_as_its_sources_say() -> None:
    assert path_and_query(b"/a%2Fb%25%2b%41%zz?x=%41+%2B&y&&=z#q") == (
        "/a%2Fb%25%2bA%zz", [("x", "A +"), ("y", ""), ("", "z")]
    )  # fmt: skip
    assert ingest("GET", f"/image/original?proxy={E}&alias=a".encode()) == FETCH
    assert ingest("GET", f"/image/process.webp?proxy={E}&alias=a".encode()) is None
    assert ingest("GET", f"/image/original?proxy={E}&proxy={E}".encode()) is None
    assert ingest("HEAD", f"/image/original?proxy={E}".encode()) is None
    assert ingest("GET", f"/image/details/original?proxy={E}".encode()) is None
    assert ingest("GET", f"/image/process_backgrounded.webp?proxy={E}".encode()) is None
