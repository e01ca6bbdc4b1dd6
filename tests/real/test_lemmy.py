"""Every request that a Lemmy makes, from 0.13 to 1.0, replayed byte for byte through the filter in front of real
pict-rs: each does what it is for, and nothing that is the user's goes any further.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.conftest import RunReal
from tests.http1 import Answer, ask, upload
from tests.pictrs import VERSIONS
from tests.real.conftest import ALLOW_LOCAL, NOTHING, Scene, assert_rejected, fresh, holding, looks_like, pixels
from tests.real.lemmy_heads import API_KEY, HEADS, PICTRS, V19_4, Does, Head, first
from tests.real.lemmy_replay import discretion, fields, read_refusal, read_upload, replay
from tests.running import FORBIDDEN, FakeJudge, until

PLAIN = Does.VIEW, Does.SMALL, Does.DELETE, Does.PURGE, Does.MISSED, Does.FORGET, Does.HEALTH
BRINGS = Does.UPLOAD, Does.SHRINK, Does.DOWNLOAD
MOST_LOOKS = 10
GONE = {Does.DELETE: 204, Does.PURGE: 200, Does.FORGET: 200}

_numbers = itertools.count(1)


def pairs(*does: Does) -> pytest.MarkDecorator:
    """`scene` and `head`: each head with the pict-rs that stand behind such a Lemmy, one pict-rs after the other."""
    found = [(version, head) for version in VERSIONS for head in HEADS if version in PICTRS[head.lemmy]]
    chosen = [pytest.param(version, head, id=f"{version} {head}") for version, head in found if head.does in does]
    assert len(chosen) >= len(does)
    return pytest.mark.parametrize(("scene", "head"), chosen, indirect=["scene"])


@pytest.fixture(scope="module")
def scene(request: pytest.FixtureRequest, run_real: RunReal) -> Iterator[Scene]:
    with Scene(run_real(request.param, ALLOW_LOCAL), FakeJudge()) as scene:
        yield scene


@pytest.fixture(autouse=True)
def discreet(scene: Scene, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test here does, at its end nobody has been told what is the user's."""
    with discretion(scene, caplog):
        yield


def store(scene: Scene) -> tuple[str, str]:
    """(alias, token) of a picture that pict-rs has got, and not through the filter."""
    (file,) = upload(scene.real.address, fresh(size=(200, 120))).json()["files"]
    return file["file"], file["delete_token"]


def is_there(scene: Scene, alias: str) -> bool:
    return ask(scene.real.address, "GET", f"/image/original/{alias}").status == 200


def directly(scene: Scene, alias: str) -> bytes:
    """A stored picture, not through the filter."""
    answer = ask(scene.real.address, "GET", f"/image/original/{alias}")
    assert answer.status == 200
    return answer.body


def forbidden() -> bytes:
    """A picture that pict-rs would take and FakeJudge does not."""
    out, info = io.BytesIO(), PngInfo()
    info.add_text("note", FORBIDDEN.decode())
    Image.new("RGB", (60, 40), (next(_numbers), 90, 20)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def bring(scene: Scene, head: Head, picture: bytes) -> Answer:
    """Upload the picture, or have it fetched from the site."""
    if head.does is not Does.DOWNLOAD:
        return replay(scene.gate.address, head, picture)
    target = f"/{next(_numbers)}.png?width=640&s=a%2Fb"
    answer = replay(scene.gate.address, head, **fields(scene.site.put(target, picture)))
    assert scene.site.fetches[target] == 1
    return answer


@pairs(*BRINGS)
def test_what_lemmy_brings_is_served_back(scene: Scene, head: Head) -> None:
    picture = fresh(size=(700, 300) if head.does is Does.SHRINK else (120, 80))
    answer = bring(scene, head, picture)
    assert (answer.status, answer.headers["Content-Type"]) == (201, "application/json"), answer.body
    file = read_upload(head.lemmy, answer)
    assert is_there(scene, file["file"])
    served = replay(scene.gate.address, first(head.lemmy, Does.VIEW), alias=file["file"]).body
    assert served == directly(scene, file["file"])
    if head.does is Does.SHRINK:
        assert max(pixels(served).shape) == 512
    elif "resize" not in head.request:
        assert looks_like(served, picture)
    (request,) = [request for request in scene.tap.requests if request.method == "POST"]
    assert picture in request.body
    assert request.target.partition("?")[0] == "/image"
    wanted = head.request.partition("?")[2].split("&") if head.does is not Does.DOWNLOAD else []
    assert all(each in request.target for each in wanted)


@pairs(*BRINGS)
def test_a_refusal_is_one_that_lemmy_can_read(scene: Scene, head: Head) -> None:
    before, sent = holding(scene.real), sum(map(len, scene.tap.raw))
    answer = bring(scene, head, forbidden())
    assert_rejected(answer)
    assert read_refusal(answer)
    assert sum(map(len, scene.tap.raw)) == sent
    assert holding(scene.real) - before == NOTHING


def settled(scene: Scene, head: Head, **values: str) -> Answer:
    """What pict-rs itself answers, twice in a row: 0.3 now and then makes a thumbnail a second time, with another date
    in it (seen once in 25)."""
    answers = [replay(scene.real.address, head, **values)]
    for _ in range(MOST_LOOKS):
        answers.append(replay(scene.real.address, head, **values))
        if answers[-1].body == answers[-2].body:
            break
    return answers[-1]


@pairs(*PLAIN)
def test_what_lemmy_asks_is_answered_as_pictrs_does(scene: Scene, head: Head) -> None:
    alias, token = store(scene)
    straight = settled(scene, head, alias=alias, token=token) if head.does not in GONE else None
    answer = replay(scene.gate.address, head, alias=alias, token=token)
    if straight is not None and answer.body != straight.body:
        straight = settled(scene, head, alias=alias, token=token)  # made once more in between
    if straight is None:
        assert answer.status == GONE[head.does], answer.body
        until(lambda: not is_there(scene, alias))  # 0.5 and 0.6 do it in the background
        if head.does is Does.PURGE:
            assert answer.json()["msg"] == "ok"
            assert answer.json()["aliases"] == [alias]  # 1.0 deletes these of its own
        return
    assert answer.status == straight.status
    assert is_there(scene, alias)
    if head.does is Does.MISSED:
        assert answer.status == 404
        assert read_refusal(answer)
        assert scene.tap.requests == []
        return
    assert answer.status == (206 if "\nrange: " in head.lines else 200), answer.body
    assert answer.body == straight.body
    for name in ("content-type", "content-range", "last-modified", "etag", "cache-control"):
        assert answer.headers[name] == straight.headers[name]
    if head.does is Does.SMALL:
        assert max(pixels(answer.body).shape) == 96


@pytest.mark.parametrize("scene", ["0.3.0-alpha.42", "0.4.8"], indirect=True)
def test_no_api_key_helps_the_purge_with_two_slashes(scene: Scene) -> None:
    (head,) = [each for each in HEADS if each.does is Does.MISSED]
    alias, _ = store(scene)
    for lines in (head.lines, head.lines.replace(API_KEY, "another"), head.lines.replace("x-api-token", "x-other")):
        changed = Head(head.lemmy, head.does, lines)
        for address in (scene.gate.address, scene.real.address):
            assert replay(address, changed, alias=alias).status == 404
    assert scene.tap.requests == []
    assert is_there(scene, alias)


@pytest.mark.parametrize("scene", ["0.5.25"], indirect=True)
def test_the_api_key_goes_nowhere_but_to_internal(scene: Scene) -> None:
    alias, token = store(scene)
    for head in (first(V19_4, does) for does in (Does.UPLOAD, Does.VIEW, Does.SMALL, Does.HEALTH, Does.DELETE)):
        with_key = Head(head.lemmy, head.does, f"{head.lines}\nx-api-token: {API_KEY}")
        picture = fresh() if head.does is Does.UPLOAD else None
        assert replay(scene.gate.address, with_key, picture, alias=alias, token=token).status in (200, 201, 204)
    assert len(scene.tap.requests) == 5
