"""Who gets a picture in place of a refusal: browsers that view a proxied picture, and nobody else."""

from __future__ import annotations

import json

import pytest

from addons.inbound import Inbound
from addons.pictrs import answers, placeholder, routes

CHROMIUM = "image/jxl,image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
"""What Chromium sends for an <img> (seen with 156; others without jxl)."""
FIREFOX = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
SAFARI = "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/*;q=0.8,*/*;q=0.5"
"""The two as developer.mozilla.org lists them ("List of default Accept values")."""
PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PROXY = "proxy=http%3A%2F%2Fh%2Fa.png"


@pytest.mark.parametrize(
    ("accept", "first"),
    [
        (CHROMIUM, True),
        (FIREFOX, True),
        (SAFARI, True),
        ("image/png", True),
        (" IMAGE/webp ; q=0.9 , */*;q=0.8", True),
        ("*/*;q=0.1,image/*;q=0.2", True),
        ("image/*;q=1.000,text/html;q=0.999", True),
        (",,image/webp", True),
        (PAGE, False),
        ("", False),
        ("*/*", False),
        ("*/*,image/webp", False),  # the first of equals
        ("image/webp;q=0.8,*/*", False),
        ("application/json,image/webp", False),
        ("image/*;q=0", False),
        ("image/*;q=2,*/*;q=0.1", False),  # no weight, so no range
        ("image/*;q=nan", False),
        ("imagex/png", False),
        ("\u00e9\u00ff;q=\u0663,image/", True),
    ],
)
def test_whether_pictures_come_first(accept: str, first: bool) -> None:
    assert placeholder.puts_pictures_first([accept.encode("utf-8")]) is first


def test_several_fields_are_one_list() -> None:
    assert placeholder.puts_pictures_first([b"*/*;q=0.5", b"image/png"])
    assert not placeholder.puts_pictures_first([b"*/*", b"image/png"])
    assert not placeholder.puts_pictures_first([])


@pytest.mark.parametrize(
    ("request_line", "wanted"),
    [
        (f"GET /image/original?{PROXY}", True),
        (f"GET /image/process.webp?{PROXY}&thumbnail=96", True),
        ("GET /image/process.webp?proxy=http://h/a.png?b=c&thumbnail=96", True),  # as Lemmy 0.19 writes it
        (f"HEAD /image/original?{PROXY}", False),
        (f"GET /image/blurhash?{PROXY}", False),
        (f"GET /image/details/original?{PROXY}", False),
        (f"GET /image/process_backgrounded.png?{PROXY}", False),
        ("GET /image/original/a.png", False),
        ("GET /image/process.webp?src=a.png", False),
        ("GET /image/download?url=http%3A%2F%2Fh%2Fa.png", False),
    ],
)
def test_only_views_of_proxied_pictures_are_drawn(request_line: str, wanted: bool) -> None:
    method, target = request_line.encode().split()
    found = routes.match(method, target, ())
    assert placeholder.is_wanted(found, Inbound(method, target, ((b"Accept", CHROMIUM.encode()),), b"")) is wanted
    assert not placeholder.is_wanted(found, Inbound(method, target, ((b"Accept", b"*/*"),), b""))
    assert not placeholder.is_wanted(found, Inbound(method, target, (), b""))


@pytest.mark.parametrize("refusal", [answers.rejected("7f3a9c00"), answers.not_fetched("The address answered 404.")])
def test_a_picture_has_the_status_and_the_caution_of_the_refusal_and_nothing_else_of_it(
    refusal: answers.Answer,
) -> None:
    drawn = placeholder.instead(refusal)
    assert drawn.status == refusal.status == 400
    assert drawn.body == placeholder.picture()
    assert drawn.body.startswith(b"\x89PNG\r\n\x1a\n")
    changed = {b"Content-Type": b"image/png", b"Content-Length": str(len(drawn.body)).encode()}
    assert dict(drawn.headers) == {**dict(refusal.headers), **changed}
    assert dict(drawn.headers)[b"Cache-Control"] == b"no-store"
    assert json.loads(refusal.body)["code"]  # which stays what it was


@pytest.mark.parametrize("failure", [answers.unavailable("-"), answers.STARTING, answers.LOOP, answers.UPSTREAM])
def test_failures_are_not_drawn(failure: answers.Answer) -> None:
    assert placeholder.instead(failure) is failure
