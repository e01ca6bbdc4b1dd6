"""Answers that every Lemmy can read: JSON with msg, code and files, no score and no rule, 400 where others differ."""

from __future__ import annotations

import json

import pytest

from addons.pictrs import answers
from addons.pictrs.answers import Answer
from model.formats.media import MEDIA_TYPES

EVERY = [
    answers.rejected("7f3a9c00"),
    *[answers.unusable(cause, "7f3a9c00") for cause in ("undecodable", "unsupported", "too_large")],
    answers.unavailable("7f3a9c00"),
    answers.STARTING,
    answers.STOPPING,
    answers.OVERLOADED,
    answers.NOT_STAGED,
    answers.LOOP,
    answers.UPSTREAM,
    answers.bad_request("a reason"),
    answers.not_fetched("The remote server answered 404"),
    answers.no_route(404, "no such route"),
    answers.no_route(405, "no such method here"),
    answers.no_route(400, "a key"),
    *[answers.protocol_error(status) for status in (400, 413, 502, 503, 504)],
]


@pytest.mark.parametrize("answer", EVERY, ids=lambda answer: f"{answer.status} {answer.msg[:30]}")
def test_every_answer_has_the_shape_that_all_lemmys_read(answer: Answer) -> None:
    body = json.loads(answer.body)
    assert set(body) == {"msg", "code", "files"}
    assert body["files"] == []
    assert body["msg"]
    fields = dict(answer.headers)
    assert fields[b"Content-Type"] == b"application/json"
    assert fields[b"Content-Length"] == str(len(answer.body)).encode()


@pytest.mark.parametrize("answer", EVERY, ids=lambda answer: f"{answer.status} {answer.msg[:30]}")
def test_no_answer_looks_like_a_login_problem(answer: Answer) -> None:
    assert answer.status not in (401, 403)


def test_a_refusal_is_the_one_that_is_safe_in_every_version() -> None:
    assert json.loads(answers.rejected("7f3a9c").body) == {
        "msg": "Image rejected by this server's content filter (ref 7f3a9c)",
        "code": "failed-external-validation",
        "files": [],
    }
    assert answers.rejected("7f3a9c").status == 400


def test_a_failure_of_ours_reads_otherwise_and_says_when_to_come_back() -> None:
    answer = answers.unavailable("7f3a9c")
    assert answer.status == 503
    assert "rejected" not in answer.msg
    assert dict(answer.headers)[b"Retry-After"] == b"10"


def test_only_503_says_when_to_come_back() -> None:
    for answer in EVERY:
        assert (b"Retry-After" in dict(answer.headers)) == (answer.status == 503)


@pytest.mark.parametrize(("mitmproxy_status", "status"), [(400, 400), (413, 413), (502, 502), (504, 503), (500, 503)])
def test_mitmproxys_own_errors_become_ours(mitmproxy_status: int, status: int) -> None:
    assert answers.protocol_error(mitmproxy_status).status == status


def test_what_is_accepted_is_what_is_judged() -> None:
    """Each format by its name and, for videos, each codec."""
    names = {"h264": "H.264", "hevc": "H.265", "av1": "AV1", "vp8": "VP8", "vp9": "VP9"}
    for media in MEDIA_TYPES:
        for name in media.title.split(", ")[:1]:
            assert (name in answers.ACCEPTED) is media.judged
        for codec in media.codecs:
            assert names[codec] in answers.ACCEPTED.partition(media.title.split(",")[0])[2]
