"""The route table against golden canonical targets: what passes goes on in one spelling, the rest is refused."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from addons.fetch.address import MAX_URL_BYTES
from addons.pictrs import routes
from addons.pictrs.routes import CANONICAL, INTERNAL_API, Kind, RouteError, match
from tests.addons.pictrs import actixroutes

ALIAS = "e15cf40b-0a8e-4c47-9d2c-5a0c6d6a0001.jpeg"
U = "https://example.com/cat.jpg?w=1&h=2"
ESCAPED = quote(U, safe="")
STAGED = "http://127.0.0.1:8082/v/c2VhbGVk-_"
S = "http%3A%2F%2F127.0.0.1%3A8082%2Fv%2Fc2VhbGVk-_"
LEMMY = "http://h/q.jpg?width=640&s=a%2Fb"  # SEEN: a picture whose address has a query

PASS = [
    # method, raw target, kind, canonical target
    ("POST", "/image", Kind.UPLOAD, "/image"),
    ("POST", "/image?", Kind.UPLOAD, "/image"),
    ("POST", "/im%61ge", Kind.UPLOAD, "/image"),
    ("POST", "/%69mage?allow%5Fvideo=true&resize=1024", Kind.UPLOAD, "/image?allow_video=true&resize=1024"),
    ("POST", "/image?resize=512&allow_animation=false&allow_video=false", Kind.UPLOAD,
     "/image?resize=512&allow_animation=false&allow_video=false"),
    ("POST", "/image?&&thumbnail=96&", Kind.UPLOAD, "/image?thumbnail=96"),
    ("POST", "/image/backgrounded", Kind.UPLOAD, "/image/backgrounded"),
    ("POST", "/image/background%65d?max_width=9&resize=5", Kind.UPLOAD, "/image/backgrounded?max_width=9&resize=5"),
    ("POST", "/internal/import", Kind.IMPORT, "/internal/import"),
    ("POST", "/%69nternal/import?max_area=100", Kind.IMPORT, "/internal/import?max_area=100"),
    ("GET", f"/image/download?url={ESCAPED}", Kind.DOWNLOAD, "/image"),
    ("GET", f"/image/do%77nload?url={ESCAPED}&resize=512", Kind.DOWNLOAD, "/image?resize=512"),
    ("GET", f"/image/download?backgrounded=false&url={ESCAPED}", Kind.DOWNLOAD, "/image"),
    ("GET", f"/image/download?backgrounded=true&url={ESCAPED}&resize=9", Kind.DOWNLOAD, "/image/backgrounded?resize=9"),
    ("GET", f"/image/download?url={ESCAPED}&%62ackgrounded=tru%65", Kind.DOWNLOAD, "/image/backgrounded"),
    ("GET", "/image/download?url=http://a/;x", Kind.DOWNLOAD, "/image"),
    ("GET", "/image/download?url=https://example.com/plain.jpg", Kind.DOWNLOAD, "/image"),
    ("GET", f"/image/original/{ALIAS}", Kind.READ, f"/image/original/{ALIAS}"),
    ("HEAD", f"/image/original/{ALIAS}", Kind.READ, f"/image/original/{ALIAS}"),
    ("GET", f"/image/original/{ALIAS}?", Kind.READ, f"/image/original/{ALIAS}"),
    ("GET", "/image/original/%65.jpg", Kind.READ, "/image/original/e.jpg"),
    ("GET", f"/image/original?alias={ALIAS}", Kind.READ, f"/image/original?alias={ALIAS}"),
    ("HEAD", f"/image/original?%61lias={ALIAS}", Kind.READ, f"/image/original?alias={ALIAS}"),
    ("GET", f"/image/process.webp?src={ALIAS}&thumbnail=96", Kind.READ,
     f"/image/process.webp?src={ALIAS}&thumbnail=96"),
    ("GET", f"/image/process.webp?thumbnail=96&resize=5&src={ALIAS}", Kind.READ,
     f"/image/process.webp?src={ALIAS}&thumbnail=96&resize=5"),
    ("GET", f"/image/process.jpg?alias={ALIAS}&crop=16x9&blur=1.5", Kind.READ,
     f"/image/process.jpg?alias={ALIAS}&crop=16x9&blur=1.5"),
    ("HEAD", f"/image/process.jxl?src={ALIAS}&identity=", Kind.READ, f"/image/process.jxl?src={ALIAS}&identity="),
    ("GET", f"/image/process.png?src={ALIAS}&resize=Lanczos2.a400", Kind.READ,
     f"/image/process.png?src={ALIAS}&resize=Lanczos2.a400"),
    ("GET", f"/image/process.png?src={ALIAS}&resize=.a400", Kind.READ, f"/image/process.png?src={ALIAS}&resize=.a400"),
    ("GET", f"/image/details/original/{ALIAS}", Kind.READ, f"/image/details/original/{ALIAS}"),
    ("GET", f"/image/details/original?alias={ALIAS}", Kind.READ, f"/image/details/original?alias={ALIAS}"),
    ("GET", f"/image/details/process.webp?src={ALIAS}", Kind.READ, f"/image/details/process.webp?src={ALIAS}"),
    ("GET", f"/image/process_backgrounded.webp?src={ALIAS}", Kind.READ,
     f"/image/process_backgrounded.webp?src={ALIAS}"),
    ("GET", "/image/backgrounded/claim?upload_id=0b9c-1", Kind.READ, "/image/backgrounded/claim?upload_id=0b9c-1"),
    ("GET", f"/image/blurhash?alias={ALIAS}", Kind.READ, f"/image/blurhash?alias={ALIAS}"),
    ("GET", f"/image/delete/Ab3-token/{ALIAS}", Kind.STATE, f"/image/delete/Ab3-token/{ALIAS}"),
    ("DELETE", f"/image/delete/Ab3-token/{ALIAS}", Kind.STATE, f"/image/delete/Ab3-token/{ALIAS}"),
    ("GET", "/healthz", Kind.READ, "/healthz"),
    *[(method, f"/internal/{name}?alias={ALIAS}", Kind.INTERNAL, f"/internal/{name}?alias={ALIAS}")
      for method, name in (("POST", "purge"), ("POST", "delete"), ("GET", "aliases"), ("GET", "identifier"))],
    ("POST", "/internal/set_not_found", Kind.INTERNAL, "/internal/set_not_found"),
    ("DELETE", "/internal/variants", Kind.INTERNAL, "/internal/variants"),
    ("GET", "/internal/hashes", Kind.INTERNAL, "/internal/hashes"),
    ("GET", "/internal/hashes?slug=YWJj-_==&limit=100", Kind.INTERNAL, "/internal/hashes?slug=YWJj-_%3D%3D&limit=100"),
    ("GET", "/internal/hashes?timestamp=2026-01-02T03:04:05.6%2B01:00", Kind.INTERNAL,
     "/internal/hashes?timestamp=2026-01-02T03%3A04%3A05.6%2B01%3A00"),
    ("POST", "/internal/prune_missing", Kind.INTERNAL, "/internal/prune_missing"),
    ("POST", "/internal/prune_missing?force=true", Kind.INTERNAL, "/internal/prune_missing?force=true"),
    ("POST", "/internal/export", Kind.INTERNAL, "/internal/export"),
    ("GET", "/internal/limits", Kind.INTERNAL, "/internal/limits"),
]  # fmt: skip

PROXIED = [
    # method, raw target, the address that is meant, canonical target
    ("GET", f"/image/original?proxy={ESCAPED}", U, f"/image/original?proxy={S}"),
    ("HEAD", f"/image/original?%70roxy={ESCAPED}", U, f"/image/original?proxy={S}"),
    ("GET", f"/image/o%72iginal?&proxy={ESCAPED}&", U, f"/image/original?proxy={S}"),
    ("GET", "/image/original?proxy=cat", "cat", f"/image/original?proxy={S}"),  # what is no address is refused later
    ("GET", f"/image/process.webp?proxy={ESCAPED}&thumbnail=96", U, f"/image/process.webp?proxy={S}&thumbnail=96"),
    ("GET", f"/image/process.webp?thumbnail=96&resize=9&proxy={ESCAPED}", U,
     f"/image/process.webp?proxy={S}&thumbnail=96&resize=9"),
    ("GET", f"/image/process.jpg?proxy={ESCAPED}&crop=1x20&blur=1&identity", U,
     f"/image/process.jpg?proxy={S}&crop=1x20&blur=1&identity="),
    ("GET", "/image/process.jpg?proxy=http%3A%2F%2Fh%2Fpic2%2Ejpg&thumbnail=512", "http://h/pic2.jpg",  # Lemmy 1.0
     f"/image/process.jpg?proxy={S}&thumbnail=512"),
    ("GET", f"/image/process_backgrounded.webp?proxy={ESCAPED}&resize=1", U,
     f"/image/process_backgrounded.webp?proxy={S}&resize=1"),
    ("GET", f"/image/details/original?proxy={ESCAPED}", U, f"/image/details/original?proxy={S}"),
    ("GET", "/image/details/original?proxy=http://h/q.jpg", "http://h/q.jpg", f"/image/details/original?proxy={S}"),
    ("GET", f"/image/details/process.webp?proxy={ESCAPED}&thumbnail=1", U,
     f"/image/details/process.webp?proxy={S}&thumbnail=1"),
    ("GET", f"/image/blurhash?proxy={ESCAPED}", U, f"/image/blurhash?proxy={S}"),
    *[(method, f"/internal/{name}?proxy={ESCAPED}", U, f"/internal/{name}?proxy={S}")
      for method, name in (("POST", "purge"), ("POST", "delete"), ("GET", "aliases"), ("GET", "identifier"))],
    # the address stands unescaped, as Lemmy 0.19 writes it
    ("GET", f"/image/original?proxy={LEMMY}", LEMMY, f"/image/original?proxy={S}"),
    ("HEAD", f"/image/original?proxy={LEMMY}", LEMMY, f"/image/original?proxy={S}"),
    ("GET", f"/image/original?proxy={quote(LEMMY, safe='')}", LEMMY, f"/image/original?proxy={S}"),
    ("GET", f"/image/process.webp?proxy={LEMMY}&thumbnail=96", LEMMY, f"/image/process.webp?proxy={S}&thumbnail=96"),
    ("HEAD", f"/image/process.webp?proxy={LEMMY}", LEMMY, f"/image/process.webp?proxy={S}"),
    ("GET", "/image/process.webp?proxy=https://h/q.jpg&thumbnail=96", "https://h/q.jpg",
     f"/image/process.webp?proxy={S}&thumbnail=96"),
    # nothing in it is decoded or taken for a key of ours
    ("GET", "/image/original?proxy=http://h/q.jpg%3Fw%3D1", "http://h/q.jpg%3Fw%3D1", f"/image/original?proxy={S}"),
    ("GET", "/image/original?proxy=http://h/a+b%20c%2Fd", "http://h/a+b%20c%2Fd", f"/image/original?proxy={S}"),
    ("GET", "/image/original?proxy=http://h/50%", "http://h/50%", f"/image/original?proxy={S}"),
    ("GET", "/image/original?proxy=http://h/a&alias=x", "http://h/a&alias=x", f"/image/original?proxy={S}"),
    ("GET", "/image/original?proxy=http://h/?proxy=http://i/&proxy=j", "http://h/?proxy=http://i/&proxy=j",
     f"/image/original?proxy={S}"),
    ("GET", "/image/process.png?proxy=http://h/a&src=x&crop=1x1", "http://h/a&src=x&crop=1x1",
     f"/image/process.png?proxy={S}"),
    ("GET", "/image/original?proxy=http://h/a?" + "&".join(f"k{n}=1" for n in range(20)),
     "http://h/a?" + "&".join(f"k{n}=1" for n in range(20)), f"/image/original?proxy={S}"),
    # `&thumbnail=`: the last one of a process target is ours, and only there
    ("GET", "/image/original?proxy=http://h/q?a=1&thumbnail=5", "http://h/q?a=1&thumbnail=5",
     f"/image/original?proxy={S}"),
    ("GET", "/image/process.png?proxy=http://h/q?a=1&thumbnail=5", "http://h/q?a=1",
     f"/image/process.png?proxy={S}&thumbnail=5"),
    ("GET", "/image/process.png?proxy=http://h/q?a=1&thumbnail=5&thumbnail=96", "http://h/q?a=1&thumbnail=5",
     f"/image/process.png?proxy={S}&thumbnail=96"),
    ("GET", "/image/process.png?proxy=http://h/q?thumbnail=5", "http://h/q?thumbnail=5",
     f"/image/process.png?proxy={S}"),
    ("GET", "/image/process.png?proxy=http://h/q&thumbnail=5x", "http://h/q&thumbnail=5x",
     f"/image/process.png?proxy={S}"),
    ("GET", "/image/process.png?proxy=http://h/q&thumbnail=", "http://h/q&thumbnail=", f"/image/process.png?proxy={S}"),
    ("GET", "/image/process.png?proxy=http://h/q&thumbnail=5&w=1", "http://h/q&thumbnail=5&w=1",
     f"/image/process.png?proxy={S}"),
    ("GET", "/image/process.png?proxy=http://h/q&%74humbnail=5", "http://h/q&%74humbnail=5",
     f"/image/process.png?proxy={S}"),
    ("GET", "/image/process.png?proxy=http://h/q&resize=5", "http://h/q&resize=5", f"/image/process.png?proxy={S}"),
    # not its case: another scheme, other case, something before it, another route
    ("GET", "/image/original?proxy=HTTP://h/q.jpg", "HTTP://h/q.jpg", f"/image/original?proxy={S}"),
    ("GET", "/image/original?&proxy=http://h/a%2Bb", "http://h/a+b", f"/image/original?proxy={S}"),
    ("GET", "/image/blurhash?proxy=http://h/a%2Bb", "http://h/a+b", f"/image/blurhash?proxy={S}"),
    ("GET", "/image/original?proxy=http:%2F%2Fh/a%2Bb", "http://h/a+b", f"/image/original?proxy={S}"),
]  # fmt: skip

REFUSED = [
    # method, raw target, status
    *[("POST", target, 404) for target in (
        "/image/", "//image", "/IMAGE", "/x/../image", "/./image", "/image%2F", "/image%2f", "/image%25", "/image%",
        "/image%zz", "/image#x", "/image%23", "/image;x=1", "/image%00", "/image%0a", "/%2e/image", "/imagE", "image",
        "", "*", "http://any/image", "//any/image", "/image\x20", "/image\x7f", "/im\xe1ge", "/image\r", "/imag%C3%A9",
        "/image/x/y", "/", "/im%2561ge", "/image/backgrounded/", "/image//backgrounded", "/image/backgrounded/x",
        f"//internal/purge?alias={ALIAS}",  # Lemmy 0.17 and 0.18: pict-rs does not know it either
        f"/internal/purge/?alias={ALIAS}", f"/INTERNAL/purge?alias={ALIAS}", f"/x/../internal/purge?alias={ALIAS}",
        f"/internal%2Fpurge?alias={ALIAS}", f"http://any/internal/purge?alias={ALIAS}", "//internal/import",
        "/internal", "/internal/", "/internal/filename?alias=a", "/internal/prepare_upgrade", "/internal/upgrade",
    )],
    *[("GET", target, 404) for target in (
        "/image/original/", "/image/original/.", "/image/original/..", "/image/original/%2e%2e",
        "/image/original/a%2Fb", "/image/original/a/b", "/image/original/" + "a" * 129, "/image/original/a%20b",
        "/image/process.zzz?src=a.jpg", "/image/process.?src=a", "/image/process?src=a", "/image/processXwebp?src=a",
        f"/image/process.zzz?proxy={ESCAPED}", f"/image/process.WEBP?proxy={ESCAPED}",
        f"/image/process.webp/?proxy={ESCAPED}", f"//image/original?proxy={ESCAPED}", f"/image/original?proxy={U}#x",
        f"/image/original/?proxy={ESCAPED}", f"/image/original%3Fproxy={ESCAPED}",
        "/image/delete/../x", "/image/delete/x/..", "/image/delete/%2e/x", "/image/delete/./.",
        "/image/delete/tok", "/metrics", "/healthz/", "/image/original/a?" + "x" * routes.MAX_TARGET_BYTES,
    )],
    *[("GET", target, 400) for target in (
        "/image/download", "/image/download?", "/image/download?url=", "/image/download?URL=http://a/",
        "/image/download?url=http://a/&url=http://b/", "/image/download?url=http://a/&%75rl=http://b/",
        "/image/download?url=http://a/&backgrounded=TRUE", "/image/download?url=http://a/&backgrounded=1",
        "/image/download?url=http://a/&backgrounded=", "/image/download?backgrounded=true",
        "/image/download?url=http://a/&backgrounded=true&backgrounded=true",
        "/image/download?url=http://a/&backgrounded=false&backgrounded=true",
        "/image/download?url=http://a/&crop=1x1", "/image/download?url=http://a/&blur=9",
        "/image/download?url=http://a/%0d%0aX:1", "/image/download?url=http://a/+b", "/image/download?url=%ff",
        "/image/download?url=%zz", "/image/download?proxy=http://a/", "/image/download?url=" + "a" * 4097,
        f"/image/original/{ALIAS}?proxy=http://a/", f"/image/original/{ALIAS}?%70roxy=http://a/",
        f"/image/original/{ALIAS}?x",
        "/image/original", "/image/original?", "/image/original?src=a", "/image/original?PROXY=http://a/",
        f"/image/original?proxy={ESCAPED}&alias=a", f"/image/original?alias=a&proxy={ESCAPED}",
        f"/image/original?proxy={ESCAPED}&proxy={ESCAPED}", f"/image/original?proxy={ESCAPED}&%70roxy={ESCAPED}",
        f"/image/original?proxy={ESCAPED}&thumbnail=5", f"/image/original?alias=a&proxy={LEMMY}",
        "/image/original?proxy=", "/image/original?proxy", "/image/original?proxy=%00", "/image/original?proxy=a+b",
        "/image/original?proxy=http://" + "a" * 4090, f"/image/original?proxy={'%C3%A9' * 2049}",
        "/image/details/original?proxy=http://h/q.jpg?width=640&s=a",  # verbatim is for views alone
        "/image/process.webp?proxy=http://h/q&thumbnail=123456",
        "/image/process.webp", "/image/process.webp?thumbnail=96", "/image/process.webp?proxy=",
        "/image/process.webp?src=a&src=b", "/image/process.webp?src=a&alias=b",
        "/image/process.webp?src=a&src=b&proxy=U", "/image/process.webp?alias=a&alias=b&proxy=U",
        "/image/process.webp?src=a&proxy=U", "/image/process.webp?src=..", "/image/process.webp?src=a%2Fb",
        "/image/process.webp?src=a&thumbnail=96&thumbnail=97", "/image/process.webp?src=a&thumbnail=x",
        "/image/process.webp?src=a&thumbnail=%EF%BC%91", "/image/process.webp?src=a&Thumbnail=96",
        "/image/process.webp?src=a&RESIZE=96", f"/image/process.webp?proxy={ESCAPED}&CROP=1x1",
        "/image/process.webp?src=a&resize=a100", "/image/process.webp?src=a&max_width=5",
        "/image/process.webp?src=a;thumbnail=96",
        "/image/blurhash", "/image/blurhash?alias=a&proxy=U", "/image/backgrounded/claim", "/healthz?x=1",
        "/image/process.webp?src=a" + "".join(f"&k{i}=1" for i in range(16)),
        "/internal/aliases", "/internal/aliases?file=a", "/internal/hashes?slug=a/b", "/internal/hashes?limit=-1",
        "/internal/hashes?timestamp=now", "/internal/limits?x=1",
    )],
    *[("POST", target, 400) for target in (
        "/image?crop=1x1", "/image?blur=3", "/image?proxy=http://a/", "/image?url=http://a/", "/image?allow_video=yes",
        "/image?max_width=-1", "/image?resize=100&resize=200", "/image?resize=a100", "/image?x", "/image?Crop=1x1",
        "/image?%63rop=1x1", "/image?identity=", "/image?backgrounded=true", "/image?%",
        "/image/backgrounded?crop=1x1", "/image/backgrounded?blur=1", "/image/backgrounded?proxy=http://a/",
        "/internal/import?crop=1x1", "/internal/import?alias=a", "/internal/import?url=http://a/",
        "/internal/purge", "/internal/purge?alias=..", "/internal/purge?alias=a&alias=b", "/internal/purge?file=a",
        f"/internal/purge?alias=a&proxy={ESCAPED}", f"/internal/delete?proxy={ESCAPED}&x=1",
        "/internal/set_not_found?alias=a", "/internal/prune_missing?force=1", "/internal/export?x",
    )],
    *[(method, "/image", 405) for method in (
        "GET", "PUT", "PATCH", "DELETE", "OPTIONS", "post", "POST ", "CONNECT", "TRACE", "", "\xff",
    )],
    ("HEAD", f"/image/download?url={ESCAPED}", 405),
    ("POST", f"/image/download?url={ESCAPED}", 405),
    ("GET", "/image/backgrounded", 405),
    ("POST", f"/image/original/{ALIAS}", 405),
    ("POST", f"/image/original?proxy={ESCAPED}", 405),
    ("HEAD", f"/image/blurhash?proxy={ESCAPED}", 405),
    ("GET", f"/internal/purge?alias={ALIAS}", 405),
    ("GET", "/internal/import", 405),
    ("GET", "/internal/variants", 405),
    ("POST", "/internal/limits", 405),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target", "kind", "canonical"), PASS)
def test_a_known_request_goes_on_in_its_canonical_spelling(
    method: str, target: str, kind: Kind, canonical: str
) -> None:
    found = match(method.encode(), target.encode(), INTERNAL_API)
    assert (found.route.kind, found.target(), found.method, found.proxy) == (kind, canonical, method, None)


@pytest.mark.parametrize(("method", "target", "address", "canonical"), PROXIED)
def test_a_proxied_request_goes_on_with_the_staged_address(
    method: str, target: str, address: str, canonical: str
) -> None:
    found = match(method.encode(), target.encode(), INTERNAL_API)
    assert (found.proxy, found.target(STAGED), found.method) == (address, canonical, method)
    assert found.route.kind is (Kind.INTERNAL if target.startswith("/internal/") else Kind.READ)


@pytest.mark.parametrize(("method", "target", "status"), REFUSED)
def test_everything_else_is_refused(method: str, target: str, status: int) -> None:
    with pytest.raises(RouteError) as caught:
        match(method.encode("latin-1"), target.encode("latin-1"), INTERNAL_API)
    assert caught.value.status == status
    assert "http" not in caught.value.reason  # nothing of the request
    assert "a/" not in caught.value.reason


@pytest.mark.parametrize("target", [b"http://any/image", b"*", b"image", b"/image#x", b"/im\xe1ge", b"/image x", b""])
def test_a_target_in_another_form_is_said_to_be_one(target: bytes) -> None:
    with pytest.raises(RouteError, match="origin form"):
        match(b"POST", target)


def test_a_download_keeps_the_address_exactly() -> None:
    assert match(b"GET", f"/image/download?url={ESCAPED}".encode()).query["url"] == U


def test_purge_and_delete_are_there_by_default_and_nothing_else_of_internal() -> None:
    there, hidden = set(), set()
    for method, target, kind, canonical in PASS:
        if kind not in (Kind.INTERNAL, Kind.IMPORT):
            continue
        path = canonical.partition("?")[0]
        try:
            match(method.encode(), target.encode())
            there.add(path)
        except RouteError as error:
            hidden.add((path, error.status, error.reason))
    assert there == {"/internal/purge", "/internal/delete"}
    others = {f"/internal/{name}" for name in INTERNAL_API} - there
    assert hidden == {(path, 404, "no such route") for path in others}  # as any unknown path


@pytest.mark.parametrize("name", INTERNAL_API)
def test_each_internal_route_is_enabled_by_its_own_name_and_no_other(name: str) -> None:
    method, target = next((m, t) for m, t, *_ in PASS if t.startswith((f"/internal/{name}", f"/%69nternal/{name}")))
    assert match(method.encode(), target.encode(), (name,)).route.internal == name
    for other in ((), set(INTERNAL_API) - {name}, ("Purge", name.upper(), f"/internal/{name}")):
        with pytest.raises(RouteError, match="no such route") as caught:
            match(method.encode(), target.encode(), other)
        assert caught.value.status == 404
        with pytest.raises(RouteError, match="no such route"):  # not a 405 either
            match(b"PATCH", target.encode(), other)


def test_the_address_of_a_remote_picture_cannot_go_upstream() -> None:
    found = match(b"GET", f"/image/original?proxy={ESCAPED}".encode())
    assert "proxy" not in found.query
    for staged in (None, "", U, "http://h/v/", "http://h/v/a/b", "http://h/v/a?b", "https://h/v/a", "http://h/w/a",
                   "http://u@h/v/a", "http://h/v/a\n"):  # fmt: skip
        with pytest.raises(ValueError, match="staged address"):
            found.target(staged)
    assert found.target("http://[::1]:8082/v/a") == "/image/original?proxy=http%3A%2F%2F%5B%3A%3A1%5D%3A8082%2Fv%2Fa"


def test_a_staged_address_has_no_place_in_other_requests() -> None:
    with pytest.raises(ValueError, match="staged address"):
        match(b"GET", b"/image/original?alias=a").target(STAGED)


def test_sixteen_keys_are_the_most() -> None:
    # No route knows sixteen keys, so the limit shows in which fault is named.
    with pytest.raises(RouteError, match="more than 16 keys"):
        match(b"POST", b"/image?" + b"&".join(b"k%d=1" % n for n in range(17)))
    with pytest.raises(RouteError, match="not known here"):
        match(b"POST", b"/image?" + b"&".join(b"k%d=1" % n for n in range(16)))


def test_the_longest_target_passes_and_one_byte_more_does_not() -> None:
    stem = "/image?" + "&" * (routes.MAX_TARGET_BYTES - len("/image?"))
    assert match(b"POST", stem.encode()).target() == "/image"
    with pytest.raises(RouteError, match=f"more than {routes.MAX_TARGET_BYTES} bytes"):
        match(b"POST", f"{stem}&".encode())


def test_the_longest_address_fits_with_every_byte_escaped_and_staged_in_base64() -> None:
    longest = "http://h/" + "é" * 2043 + "x"
    assert len(longest.encode()) == 4096
    escaped = "".join(f"%{byte:02X}" for byte in longest.encode())
    rest = "&thumbnail=99999&resize=robidouxsharp.a999999999&crop=20x20&blur=9999.999999&identity=false"
    found = match(b"GET", f"/image/process_backgrounded.webp?proxy={escaped}{rest}".encode())
    assert found.proxy == longest
    token = "A" * -(-(16 + MAX_URL_BYTES) * 4 // 3)  # base64 of a MAC and the longest normalised address
    sent = found.target("http://" + "h" * 253 + f":65535/v/{token}")
    assert CANONICAL.fullmatch(sent.encode())
    assert len(sent) <= routes.MAX_TARGET_BYTES
    with pytest.raises(RouteError, match="longer than 4096 bytes"):
        match(b"GET", f"/image/original?proxy={escaped}x".encode())


def test_a_long_address_passes_verbatim_up_to_the_same_length() -> None:
    longest = "http://h/" + "a" * (4096 - 9)
    assert match(b"GET", f"/image/process.png?proxy={longest}&thumbnail=96".encode()).proxy == longest
    with pytest.raises(RouteError, match="longer than 4096 bytes"):
        match(b"GET", f"/image/process.png?proxy={longest}a&thumbnail=96".encode())


PIECES = (
    *("/image", "/original", "/process", ".webp", ".zzz", "/details", "/download", "/backgrounded", "/internal"),
    *(
        "/import",
        "/purge",
        "/",
        "?",
        "&",
        "=",
        "#",
        "%",
        "%61",
        "%2F",
        "%25",
        "+",
        "..",
        "src",
        "alias",
        "proxy",
        "url",
    ),
    *("thumbnail", "crop", "1", "a", "http://", "http%3A%2F%2F", "h/x", "true", "\xe9", "\0", " ", "//", ";"),
)
KNOWN = [target for _, target, *_ in (*PASS, *PROXIED)]
TARGETS = st.one_of(
    st.binary(max_size=60).map(lambda tail: b"/image" + tail),
    st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "".join(pieces).encode("latin-1")),
    st.tuples(
        st.sampled_from(KNOWN),
        st.integers(0),
        st.one_of(st.text(max_size=3), st.sampled_from(PIECES)),
        st.integers(0, 3),
    ).map(lambda cut: mutate(*cut)),
)


def mutate(target: str, at: int, put: str, drop: int) -> bytes:
    place = at % (len(target) + 1)
    return (target[:place] + put + target[place + drop :]).encode()


@settings(max_examples=3000, deadline=None)
@given(st.sampled_from([b"GET", b"POST", b"HEAD", b"DELETE"]), TARGETS)
@example(b"GET", b"/image/delete/../x")
@example(b"GET", b"/image/process.png?proxy=http://h/a&alias=b&thumbnail=5")
@example(b"GET", b"/image/download?url=http://h/a&backgrounded=true")
@example(b"POST", b"/internal/purge?proxy=http://h/a")
def test_what_goes_on_is_canonical_and_brings_in_only_what_is_judged(method: bytes, target: bytes) -> None:
    try:
        found = match(method, target, INTERNAL_API)
    except RouteError:
        return
    staged = None if found.proxy is None else STAGED
    sent = found.target(staged)
    assert CANONICAL.fullmatch(sent.encode())
    assert replace(found, proxy=found.proxy and "http://elsewhere/").target(staged) == sent  # nothing of the address

    brought = actixroutes.ingest("POST" if found.route.kind is Kind.DOWNLOAD else found.method, sent.encode())
    if found.route.kind in (Kind.UPLOAD, Kind.DOWNLOAD):
        assert brought == ("upload", "")
        assert {key for key, _ in actixroutes.steps(sent.encode())} <= {"resize", "thumbnail"}
    elif found.route.kind is Kind.IMPORT:
        assert brought == ("import", "")
    else:
        assert brought in ((None,) if staged is None else (None, ("fetch", STAGED)))

    if found.route.kind is Kind.DOWNLOAD:
        assert match(b"POST", sent.encode()).target() == sent
    else:
        again = match(method, sent.encode(), INTERNAL_API)
        assert again == replace(found, query=again.query, proxy=staged)
        assert again.target(staged) == sent
        assert again.query.items() == found.query.items()
