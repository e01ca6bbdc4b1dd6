"""The real pict-rs by itself, without the filter: that it runs here, stores what it is sent, and ends with the tests.

Everything under tests/real/ rests on this; what is pinned here are the facts of each version that others assume.
"""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.http1 import Answer, ask, form, upload
from tests.pictrs import VERSIONS, RealPictrs, available
from tests.recorder import Site, Tap

pytestmark = pytest.mark.once  # pict-rs alone, no proxy

RunReal = Callable[..., RealPictrs]
ROOT = Path(__file__).parents[2]
ALLOW_LOCAL = {"PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS": "true"}  # 0.3 and 0.4 have no such setting and need none


def picture(seed: int, format_: str = "JPEG") -> bytes:
    """A picture that no other seed gives: pict-rs stores the same picture once."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((64 + seed, 48)).convert("RGB").save(file, format_)
    return file.getvalue()


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB").tobytes()


def the_file(answer: Answer) -> dict[str, str]:
    assert answer.status == 201, answer.body
    assert answer.json()["msg"] == "ok"
    (file,) = answer.json()["files"]
    assert isinstance(file, dict)
    return file


def new_files(running: RealPictrs, before: dict[str, str]) -> set[str]:
    """What came into the store. What left it is no concern: the newest pict-rs cleans up in the background."""
    return running.stored_files().keys() - before.keys()


def test_an_upload_is_stored_and_served(real_pictrs: RealPictrs) -> None:
    before = real_pictrs.stored_files()
    data = picture(1)
    file = the_file(upload(real_pictrs.address, data))
    assert len(new_files(real_pictrs, before)) == 1
    served = ask(real_pictrs.address, "GET", f"/image/original/{file['file']}")
    assert (served.status, served.headers["Content-Type"]) == (200, "image/jpeg")
    assert pixels(served.body) == pixels(data)


def test_the_same_picture_is_stored_once(real_pictrs: RealPictrs) -> None:
    first = the_file(upload(real_pictrs.address, picture(2)))
    stored = real_pictrs.stored_files()
    second = the_file(upload(real_pictrs.address, picture(2)))
    assert first["file"] != second["file"]
    assert new_files(real_pictrs, stored) == set()


def test_a_token_deletes(real_pictrs: RealPictrs) -> None:
    file = the_file(upload(real_pictrs.address, picture(3)))
    wrong = ask(real_pictrs.address, "DELETE", f"/image/delete/{uuid.uuid4()}/{file['file']}")
    assert wrong.status == 403
    assert ask(real_pictrs.address, "GET", f"/image/original/{file['file']}").status == 200
    right = ask(real_pictrs.address, "DELETE", f"/image/delete/{file['delete_token']}/{file['file']}")
    assert (right.status, right.body) == (204, b"")
    assert ask(real_pictrs.address, "GET", f"/image/original/{file['file']}").status == 404


@pytest.mark.parametrize(
    ("target", "method", "statuses"),
    [
        pytest.param("/healthz", "GET", {"0.3": 404, "0.4": 200, "0.5": 200, "0.6": 200}, id="health"),
        pytest.param("/image/original/{alias}", "HEAD", {"0.3": 405, "0.4": 200, "0.5": 200, "0.6": 200}, id="head"),
        pytest.param(
            "/image/details/original/{alias}", "GET", {"0.3": 200, "0.4": 200, "0.5": 200, "0.6": 200}, id="details"
        ),
        pytest.param(
            "/image/delete/t/none.png", "GET", {"0.3": 404, "0.4": 403, "0.5": 204, "0.6": 204}, id="delete nothing"
        ),
        pytest.param(
            "/image/process.png?src={alias}&blur=1", "GET", {"0.3": 200, "0.4": 200, "0.5": 200, "0.6": 200}, id="blur"
        ),
        pytest.param(
            "/image/backgrounded/claim", "GET", {"0.3": 404, "0.4": 400, "0.5": 400, "0.6": 400}, id="claim nothing"
        ),
        pytest.param("/image/blurhash", "GET", {"0.3": 404, "0.4": 404, "0.5": 400, "0.6": 400}, id="blurhash"),
        pytest.param("/image/original", "GET", {"0.3": 404, "0.4": 404, "0.5": 400, "0.6": 400}, id="proxy"),
    ],
)
def test_routes_that_differ(real_pictrs: RealPictrs, target: str, method: str, statuses: dict[str, int]) -> None:
    alias = the_file(upload(real_pictrs.address, picture(4)))["file"]
    assert ask(real_pictrs.address, method, target.format(alias=alias)).status == statuses[real_pictrs.line]


def test_how_many_files_an_upload_may_hold(real_pictrs: RealPictrs) -> None:
    answer = upload(real_pictrs.address, picture(5), picture(6))
    if real_pictrs.line in ("0.3", "0.4"):
        assert (answer.status, len(answer.json()["files"])) == (201, 2)
    else:
        assert (answer.status, answer.json()["msg"]) == (400, "Too many files in request")


def test_what_is_no_picture_is_not_stored(real_pictrs: RealPictrs) -> None:
    stored = real_pictrs.stored_files()
    answer = upload(real_pictrs.address, b"hello, world")
    assert (answer.status, "msg" in answer.json()) == (500 if real_pictrs.line in ("0.3", "0.4") else 400, True)
    assert new_files(real_pictrs, stored) == set()


def test_the_api_key_opens_the_internal_routes(real_pictrs: RealPictrs) -> None:
    headers, body = form(picture(7), filename="named-by-us.jpeg")
    assert ask(real_pictrs.address, "POST", "/internal/import", body, headers).status == 401
    key = {"X-Api-Token": real_pictrs.api_key}
    assert (
        the_file(ask(real_pictrs.address, "POST", "/internal/import", body, headers | key))["file"]
        == "named-by-us.jpeg"
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_download_is_fetched_once_and_stored(run_real: RunReal, version: str) -> None:
    running = run_real(version, ALLOW_LOCAL)
    with Site() as site:
        file = the_file(ask(running.address, "GET", f"/image/download?url={site.put('/a.jpg', picture(8))}"))
        assert (site.fetches, site.requests[0].method) == ({"/a.jpg": 1}, "GET")
    served = ask(running.address, "GET", f"/image/original/{file['file']}")
    assert pixels(served.body) == pixels(picture(8))


@pytest.mark.parametrize("version", ["0.5.25", "0.6.0-rc.6"])
def test_a_download_from_this_machine_is_refused(run_real: RunReal, version: str) -> None:
    running = run_real(version)
    with Site() as site:
        answer = ask(running.address, "GET", f"/image/download?url={site.put('/a.jpg', picture(9))}")
        assert site.raw == []
    assert (answer.status, answer.json()) == (
        400,
        {"code": "download-file-error", "msg": "Proxy url resolves to local address"},
    )


def test_the_alias_table_changes_with_what_is_stored(real_pictrs: RealPictrs) -> None:
    before = real_pictrs.alias_table()
    if before is None:
        assert real_pictrs.line in ("0.3", "0.4")
        return
    upload(real_pictrs.address, b"hello, world")
    assert real_pictrs.alias_table() == before
    one, two = (the_file(upload(real_pictrs.address, picture(11)))["file"] for _ in range(2))
    (added,) = (after := real_pictrs.alias_table() or {}).keys() - before.keys()
    assert after == before | {added: sorted([one, two])}


def test_a_wrong_key_does_not_tell_an_empty_table(run_real: RunReal, monkeypatch: pytest.MonkeyPatch) -> None:
    running = run_real("0.5.25")
    monkeypatch.setattr(running, "api_key", "wrong")
    with pytest.raises(RuntimeError, match="401"):
        running.alias_table()


def test_a_tap_sees_what_it_is_asked(real_pictrs: RealPictrs) -> None:
    headers, body = form(picture(10))
    with Tap(real_pictrs.address) as tap:
        assert ask(tap.address, "POST", "/image", body, headers).status == 201
        assert [(each.method, each.target, each.body) for each in tap.requests] == [("POST", "/image", body)]


def test_a_dead_one_is_not_taken_for_an_empty_store(run_real: RunReal) -> None:
    with pytest.raises(RuntimeError, match=r"did not start:\n(?s:.*)invalid socket address"):
        run_real("0.5.25", {"PICTRS__SERVER__ADDRESS": "nonsense"})
    with RealPictrs("0.5.25") as running:
        program = int(Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text())
        os.kill(program, signal.SIGKILL)
        assert running.ended.wait(30)
        with pytest.raises(RuntimeError, match="has ended"):
            running.stored_files()


@pytest.mark.parametrize("version", VERSIONS)
def test_it_ends_with_a_test_that_fails(run_real: RunReal, version: str) -> None:
    run_real(version)  # skips where there is none
    with pytest.raises(ZeroDivisionError), RealPictrs(version) as running:
        raise ZeroDivisionError
    assert not running.folder.exists()
    with pytest.raises(ConnectionRefusedError):
        ask(running.address, "GET", "/")


TESTS_TO_KILL = """
import sys
from tests.pictrs import RealPictrs
with RealPictrs(sys.argv[1]) as running:
    print(running.pid, running.address[1], running.folder, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_it_ends_with_tests_that_are_killed(run_real: RunReal, version: str) -> None:
    run_real(version)
    command = [sys.executable, "-c", TESTS_TO_KILL, version]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        pid, port, folder = tests.stdout.readline().split()
        guardian = os.pidfd_open(int(pid))
        try:
            assert ask(("127.0.0.1", int(port)), "GET", "/healthz").status in (200, 404)
            tests.kill()
            ended, _, _ = select.select([guardian], [], [], 30)
        finally:
            os.close(guardian)
    assert ended
    assert not Path(folder).exists()
    with pytest.raises(ConnectionRefusedError):
        ask(("127.0.0.1", int(port)), "GET", "/")


@pytest.mark.parametrize(
    ("required", "code", "says"),
    [
        pytest.param("0", 0, "run sudo .ci/real-pictrs to get them", id="left out, and said so"),
        pytest.param("1", 1, "PICTRS_FILTER_REAL_REQUIRED=1, but no Debian tree", id="required"),
    ],
)
def test_where_the_real_one_is_missing(tmp_path: Path, required: str, code: int, says: str) -> None:
    env = os.environ | {"PICTRS_FILTER_REAL": str(tmp_path), "PICTRS_FILTER_REAL_REQUIRED": required}
    one = f"{Path(__file__).relative_to(ROOT)}::test_a_token_deletes"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "real", one]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout
    assert (f"left out: {len(VERSIONS)} tests with the real pict-rs" in done.stdout) == (required == "0")


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTRS_FILTER_REAL", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert available() == f"no Debian tree in {tmp_path}/rootfs: run .ci/real-pictrs as root"
    programs = tmp_path / "rootfs" / "pict-rs"
    programs.mkdir(parents=True)
    (tmp_path / "rootfs" / ".complete").touch()
    assert available() == f"no pict-rs 0.5.25 in {tmp_path}/rootfs: run .ci/real-pictrs 0.5.25 as root"
    for version in VERSIONS:
        (programs / version).touch(mode=0o755)
    assert available() is None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert available() == "chroot needs root: run the tests as root, after .ci/real-pictrs as root"
    assert available("0.4.2") == f"no pict-rs 0.4.2 in {tmp_path}/rootfs: run .ci/real-pictrs 0.4.2 as root"
