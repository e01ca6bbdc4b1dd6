"""The route table against golden canonical targets: what passes goes on in one spelling, the rest is refused."""

from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.pictrs import routes
from addons.pictrs.routes import Kind, RouteError, match

ALIAS = "e15cf40b-0a8e-4c47-9d2c-5a0c6d6a0001.jpeg"
U = "https://example.com/cat.jpg?w=1&h=2"

PASS = [
    # method, raw target, kind, canonical target
    ("POST", "/image", Kind.UPLOAD, "/image"),
    ("POST", "/image?", Kind.UPLOAD, "/image"),
    ("POST", "/im%61ge", Kind.UPLOAD, "/image"),
    ("POST", "/%69mage?allow%5Fvideo=true&resize=1024", Kind.UPLOAD, "/image?allow_video=true&resize=1024"),
    ("POST", "/image?resize=512&allow_animation=false&allow_video=false", Kind.UPLOAD,
     "/image?resize=512&allow_animation=false&allow_video=false"),
    ("GET", f"/image/download?url={quote(U, safe='')}", Kind.DOWNLOAD, "/image"),
    ("GET", f"/image/do%77nload?url={quote(U, safe='')}&resize=512", Kind.DOWNLOAD, "/image?resize=512"),
    ("GET", f"/image/download?backgrounded=false&url={quote(U, safe='')}", Kind.DOWNLOAD, "/image"),
    ("GET", "/image/download?url=http://a/;x", Kind.DOWNLOAD, "/image"),
    ("GET", "/image/download?url=https://example.com/plain.jpg", Kind.DOWNLOAD, "/image"),
    ("GET", f"/image/original/{ALIAS}", Kind.READ, f"/image/original/{ALIAS}"),
    ("HEAD", f"/image/original/{ALIAS}", Kind.READ, f"/image/original/{ALIAS}"),
    ("GET", f"/image/original/{ALIAS}?", Kind.READ, f"/image/original/{ALIAS}"),
    ("GET", "/image/original/%65.jpg", Kind.READ, "/image/original/e.jpg"),
    ("GET", f"/image/process.webp?src={ALIAS}&thumbnail=96", Kind.READ,
     f"/image/process.webp?src={ALIAS}&thumbnail=96"),
    ("GET", f"/image/process.jpg?alias={ALIAS}&crop=16x9&blur=1.5", Kind.READ,
     f"/image/process.jpg?alias={ALIAS}&crop=16x9&blur=1.5"),
    ("HEAD", f"/image/process.jxl?src={ALIAS}&identity=", Kind.READ, f"/image/process.jxl?src={ALIAS}&identity="),
    ("GET", f"/image/process.png?src={ALIAS}&resize=Lanczos3.a400", Kind.READ,
     f"/image/process.png?src={ALIAS}&resize=Lanczos3.a400"),
    ("GET", f"/image/details/original/{ALIAS}", Kind.READ, f"/image/details/original/{ALIAS}"),
    ("GET", f"/image/details/process.webp?src={ALIAS}", Kind.READ, f"/image/details/process.webp?src={ALIAS}"),
    ("GET", f"/image/process_backgrounded.webp?src={ALIAS}", Kind.READ,
     f"/image/process_backgrounded.webp?src={ALIAS}"),
    ("GET", "/image/backgrounded/claim?upload_id=0b9c-1", Kind.READ, "/image/backgrounded/claim?upload_id=0b9c-1"),
    ("GET", f"/image/blurhash?alias={ALIAS}", Kind.READ, f"/image/blurhash?alias={ALIAS}"),
    ("GET", f"/image/delete/Ab3-token/{ALIAS}", Kind.STATE, f"/image/delete/Ab3-token/{ALIAS}"),
    ("DELETE", f"/image/delete/Ab3-token/{ALIAS}", Kind.STATE, f"/image/delete/Ab3-token/{ALIAS}"),
    ("GET", "/healthz", Kind.READ, "/healthz"),
]  # fmt: skip

REFUSED = [
    # method, raw target, status
    *[("POST", target, 404) for target in (
        "/image/", "//image", "/IMAGE", "/x/../image", "/./image", "/image%2F", "/image%2f", "/image%25", "/image%",
        "/image%zz", "/image#x", "/image%23", "/image;x=1", "/image%00", "/image%0a", "/%2e/image", "/imagE", "image",
        "", "*", "http://any/image", "//any/image", "/image\x20", "/image\x7f", "/im\xe1ge", "/image\r", "/imag%C3%A9",
        "/image/backgrounded", "/internal/import", "/image/x/y", "/", "/im%2561ge",
    )],
    *[("GET", target, 404) for target in (
        "/image/original", "/image/original/", "/image/original/.", "/image/original/..", "/image/original/%2e%2e",
        "/image/original/a%2Fb", "/image/original/a/b", "/image/original/" + "a" * 129, "/image/original/a%20b",
        "/image/process.zzz?src=a.jpg", "/image/process.?src=a", "/image/process?src=a", "/image/processXwebp?src=a",
        "/internal/variants", "//internal/purge?alias=x", "/image/delete/tok", "/metrics", "/healthz/",
        "/image/original/a?" + "x" * routes.MAX_TARGET_BYTES,
    )],
    *[("GET", target, 400) for target in (
        "/image/download", "/image/download?", "/image/download?url=", "/image/download?URL=http://a/",
        "/image/download?url=http://a/&url=http://b/", "/image/download?url=http://a/&%75rl=http://b/",
        "/image/download?url=http://a/&backgrounded=true", "/image/download?url=http://a/&backgrounded=TRUE",
        "/image/download?url=http://a/&crop=1x1", "/image/download?url=http://a/&blur=9",
        "/image/download?url=http://a/%0d%0aX:1", "/image/download?url=http://a/+b", "/image/download?url=%ff",
        "/image/download?url=%zz", "/image/download?proxy=http://a/", "/image/download?url=" + "a" * 4097,
        f"/image/original/{ALIAS}?proxy=http://a/", f"/image/original/{ALIAS}?%70roxy=http://a/",
        f"/image/original/{ALIAS}?x",
        "/image/process.webp", "/image/process.webp?thumbnail=96", "/image/process.webp?proxy=http://a/",
        "/image/process.webp?src=a&src=b", "/image/process.webp?src=a&alias=b",
        "/image/process.webp?src=a&src=b&proxy=U",
        "/image/process.webp?src=a&proxy=U", "/image/process.webp?src=..", "/image/process.webp?src=a%2Fb",
        "/image/process.webp?src=a&thumbnail=96&thumbnail=97", "/image/process.webp?src=a&thumbnail=x",
        "/image/process.webp?src=a&thumbnail=%EF%BC%91", "/image/process.webp?src=a&resize=1\u00b2",
        "/image/blurhash?proxy=http://a/", "/image/backgrounded/claim", "/healthz?x=1",
        "/image/process.webp?src=a" + "".join(f"&k{i}=1" for i in range(16)),
    ) if target.isascii()],
    *[("POST", target, 400) for target in (
        "/image?crop=1x1", "/image?blur=3", "/image?proxy=http://a/", "/image?url=http://a/", "/image?allow_video=yes",
        "/image?max_width=-1", "/image?resize=100&resize=200", "/image?resize=a100", "/image?x",
    )],
    *[(method, "/image", 405) for method in (
        "GET", "PUT", "PATCH", "DELETE", "OPTIONS", "post", "POST ", "CONNECT", "TRACE",
    )],
    ("HEAD", f"/image/download?url={quote(U, safe='')}", 405),
    ("POST", f"/image/original/{ALIAS}", 405),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target", "kind", "canonical"), PASS)
def test_a_known_request_goes_on_in_its_canonical_spelling(
    method: str, target: str, kind: Kind, canonical: str
) -> None:
    found = match(method.encode(), target.encode())
    assert (found.route.kind, found.target, found.method) == (kind, canonical, method)


@pytest.mark.parametrize(("method", "target", "status"), REFUSED)
def test_everything_else_is_refused(method: str, target: str, status: int) -> None:
    with pytest.raises(RouteError) as caught:
        match(method.encode(), target.encode("latin-1"))
    assert caught.value.status == status


def test_a_download_keeps_the_address_exactly() -> None:
    found = match(b"GET", f"/image/download?url={quote(U, safe='')}".encode())
    assert found.query["url"] == U


def test_sixteen_keys_are_the_most() -> None:
    # No route knows sixteen keys, so the limit shows in which fault is named.
    with pytest.raises(RouteError, match="more than 16 keys"):
        match(b"POST", b"/image?" + b"&".join(b"k%d=1" % n for n in range(17)))
    with pytest.raises(RouteError, match="not known here"):
        match(b"POST", b"/image?" + b"&".join(b"k%d=1" % n for n in range(16)))


def test_the_longest_target_passes_and_one_byte_more_does_not() -> None:
    stem = "/image?" + "&" * (routes.MAX_TARGET_BYTES - len("/image?"))
    assert match(b"POST", stem.encode()).target == "/image"
    with pytest.raises(RouteError, match="more than 8192 bytes"):
        match(b"POST", f"{stem}&".encode())


def test_no_reason_quotes_the_request() -> None:
    for method, target, _ in REFUSED:
        with pytest.raises(RouteError) as caught:
            match(method.encode(), target.encode("latin-1"))
        assert "http://a/" not in caught.value.reason


@settings(max_examples=1500, deadline=None)
@given(
    st.sampled_from([b"GET", b"POST", b"HEAD", b"DELETE"]),
    st.one_of(
        st.binary(max_size=60).map(lambda tail: b"/image" + tail),
        st.sampled_from([target for _, target, *_ in PASS]).flatmap(
            lambda target: st.tuples(
                st.just(target), st.integers(0, len(target)), st.text(string.printable, max_size=3)
            )
        ).map(lambda cut: (cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :]).encode()),
    ),
)  # fmt: skip
def test_what_goes_on_is_canonical_and_matches_itself_again(method: bytes, target: bytes) -> None:
    try:
        found = match(method, target)
    except RouteError:
        return
    assert set(found.target) <= set(string.ascii_letters + string.digits + "/._-?&=%")
    assert "proxy" not in found.target.partition("?")[2].split("=")
    if found.route.kind is not Kind.DOWNLOAD:
        again = match(method, found.target.encode())
        assert (again.route, again.target, again.query) == (found.route, found.target, found.query)
