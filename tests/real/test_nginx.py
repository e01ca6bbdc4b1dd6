"""The shipped nginx before two filters, each a process of its own, and a real pict-rs. The forbidden class is: cats.

The filters share one file and one folder; what differs is in their environment, as the README says. Who gets which
request line is in tests/docker/.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from addons.admin.selftest import selftest
from tests.bench.processes import Program
from tests.conftest import RunReal, need_nginx, need_real
from tests.http1 import Answer, ask, upload
from tests.imagenet import CAT_LABELS
from tests.nginx import Nginx
from tests.pictrs import VERSIONS, RealPictrs
from tests.ports import free_port
from tests.real.conftest import (
    ALLOW_LOCAL,
    NOTHING,
    WITH_PROXY,
    assert_rejected,
    cat,
    escaped,
    forbidding,
    fresh,
    holding,
    looks_like,
    tagged,
    wait_for,
)
from tests.recorder import Site, Tap

STAGED = re.compile(r"[?]proxy=(http%3A%2F%2F127\.0\.0\.1%3A([0-9]+)%2Fv%2F[A-Za-z0-9_-]+)(?:&|$)")
_numbers = itertools.count(1)


@dataclass
class Machine:
    """`taps` stand before the filters, `tap` between these and pict-rs; a view that goes straight passes none."""

    real: RealPictrs
    nginx: Nginx
    filters: tuple[Program, Program]
    callbacks: tuple[int, int]
    taps: tuple[Tap, Tap]
    tap: Tap
    site: Site
    folder: Path

    def get(self, target: str, method: str = "GET", **headers: str) -> Answer:
        """Ask as Lemmy does."""
        return ask(self.nginx.address, method, target, headers={"Cookie": "jwt=x"} | headers)

    def counts(self, target: str) -> list[int]:
        """How many requests with this beginning each filter got."""
        return [sum(request.target.startswith(target) for request in tap.requests) for tap in self.taps]

    def put(self, data: bytes) -> str:
        """A picture on a site elsewhere. Gives the URL."""
        return self.site.route(f"/{next(_numbers)}.png", tagged(data))


def config(folder: Path, upstream: str, site: Site) -> Path:
    """One file for every filter."""
    settings = {
        "upstream": upstream,
        "state_dir": str(folder / "state"),
        "fetch": {"allow_networks": ["127.0.0.0/8"], "ports": [site.address[1]]},
        "deadline_seconds": 60,  # how long a verdict may take on a busy machine is not what is shown here
    }
    path = folder / "filter.yaml"
    path.write_text(yaml.safe_dump(settings | forbidding(CAT_LABELS).model_dump(mode="json", exclude_none=True)))
    return path


@pytest.fixture(scope="module", params=WITH_PROXY)
def machine(
    request: pytest.FixtureRequest, run_real: RunReal, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    need_nginx()
    need_real(request.param)
    hook, folder = ("127.0.0.1", free_port()), tmp_path_factory.mktemp("filters")
    validation = {"PICTRS__MEDIA__EXTERNAL_VALIDATION": "http://{}:{}/validate".format(*hook)}
    real = run_real(request.param, ALLOW_LOCAL | validation)
    with ExitStack() as running:
        tap, site = running.enter_context(Tap(real.address)), running.enter_context(Site())
        path = config(folder, tap.url, site)
        callbacks = (free_port(), free_port())
        programs = [
            Program(
                *("-m", "addons.admin.cli", "serve", "--config", str(path)),
                environment={
                    "PICTRS_FILTER_LISTEN": f"127.0.0.1:{free_port()}",
                    "PICTRS_FILTER_ADMIN_LISTEN": "off",
                    "PICTRS_FILTER_CALLBACK_LISTEN": f"127.0.0.1:{callback}",
                },
            )
            for callback in callbacks
        ]
        one, two = (running.enter_context(program) for program in programs)
        taps = tuple(running.enter_context(Tap(program.address)) for program in (one, two))
        nginx = Nginx(
            real.address,
            [each.address for each in taps],
            [("127.0.0.1", callback) for callback in callbacks],
            hook=hook,
        )
        running.enter_context(nginx)
        assert len(taps) == 2
        yield Machine(real, nginx, (one, two), callbacks, taps, tap, site, folder)


def test_uploads_are_judged_by_one_filter_or_the_other(machine: Machine) -> None:
    before, spread = holding(machine.real), machine.counts("/image")
    for _ in range(4):
        assert_rejected(upload(machine.nginx.address, cat()))
    assert holding(machine.real) - before == NOTHING
    assert [now - then for now, then in zip(machine.counts("/image"), spread, strict=True)] == [2, 2]
    for _ in range(2):
        answer = upload(machine.nginx.address, fresh())
        assert answer.status == 201, answer.body
    assert [now - then for now, then in zip(machine.counts("/image"), spread, strict=True)] == [3, 3]


def test_what_is_stored_is_seen_without_a_filter_and_deleted_with_one(machine: Machine) -> None:
    data = fresh("jpeg")
    (file,) = upload(machine.nginx.address, data).json()["files"]
    alias = file["file"]
    seen = [len(tap.requests) for tap in machine.taps]
    assert looks_like(machine.get(f"/image/original/{alias}").body, data)
    assert machine.get(f"/image/original/{alias}", "HEAD").status == 200
    assert machine.get(f"/image/process.webp?src={alias}&thumbnail=16").status == 200
    assert machine.get(f"/image/details/original/{alias}").json()["content_type"] == "image/jpeg"
    part = machine.get(f"/image/original/{alias}", Range="bytes=0-9")
    assert (part.status, len(part.body)) == (206, 10)
    assert [len(tap.requests) for tap in machine.taps] == seen
    assert machine.get(f"/image/delete/{file['delete_token']}/{alias}", "DELETE").status == 204
    assert machine.get(f"/image/original/{alias}").status == 404


def test_downloads_are_judged_by_one_filter_or_the_other(machine: Machine) -> None:
    before, spread = holding(machine.real), machine.counts("/image/download")
    for _ in range(2):
        assert machine.get(f"/image/download?url={escaped(machine.put(fresh()))}").status == 201
    stored = holding(machine.real)
    assert len((stored - before).files) >= 2
    for _ in range(2):
        assert_rejected(machine.get(f"/image/download?url={escaped(machine.put(cat()))}"))
    assert holding(machine.real) - stored == NOTHING
    assert [now - then for now, then in zip(machine.counts("/image/download"), spread, strict=True)] == [2, 2]


def test_a_remote_picture_has_one_address_whatever_the_request(machine: Machine) -> None:
    data, fetched = fresh(), machine.site.fetches.total()
    url, seen = machine.put(data), len(machine.tap.requests)
    for target in (
        f"/image/original?proxy={escaped(url)}",
        f"/image/original?proxy={url}",
        f"/image/process.webp?proxy={url}&thumbnail=16",
        f"/image/details/original?proxy={escaped(url)}",
        f"/image/original?%70roxy={escaped(url)}",
    ):
        assert machine.get(target).status == 200
    assert looks_like(machine.get(f"/image/original?proxy={url}").body, data)
    staged = {found.groups() for request in machine.tap.requests[seen:] if (found := STAGED.search(request.target))}
    ((_, port),) = staged
    assert int(port) == machine.callbacks[0]
    # 0.6 asks once more, and hears from the site that nothing has changed
    assert machine.site.fetches.total() - fetched == (2 if machine.real.line == "0.6" else 1)
    assert machine.counts("/image/original?")[1] == 0


def test_a_forbidden_remote_picture_is_refused_in_the_filters_words(machine: Machine) -> None:
    url, before = machine.put(cat()), holding(machine.real)
    first, second = (machine.get(f"/image/original?proxy={escaped(url)}") for _ in range(2))
    assert_rejected(first)
    assert first.body == second.body
    assert holding(machine.real) - before == NOTHING


def test_pict_rs_own_hook_reaches_both_filters(machine: Machine) -> None:
    before = holding(machine.real)
    for _ in range(2):  # round the first line
        answer = upload(machine.real.address, cat())
        assert (answer.status, answer.json()["code"]) == (400, "failed-external-validation")
        assert upload(machine.real.address, fresh()).status == 201
    wait_for(lambda: len((holding(machine.real) - before).aliases) == 2)
    assert all("source=hook" in program.log for program in machine.filters)


def asked_back(program: Program, callback: int) -> bool:
    return f"pict-rs asks the filter for them at http://127.0.0.1:{callback}\n" in program.log


def test_each_filter_is_asked_back_and_both_have_one_key(machine: Machine) -> None:
    wait_for(lambda: all(map(asked_back, machine.filters, machine.callbacks)))
    log = {"log.db", "log.db-wal", "log.db-shm"}
    assert {path.name for path in (machine.folder / "state").iterdir()} - log == {"key"}
    assert machine.get("/healthz").status == 200


async def test_the_selftest_goes_through(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert await selftest("http://{}:{}".format(*machine.nginx.address)) == 0, capsys.readouterr().out


@pytest.mark.parametrize("version", VERSIONS)
def test_every_pict_rs_answers_through_nginx_as_it_does_straight(run_real: RunReal, version: str) -> None:
    need_nginx()
    real = run_real(version)
    (file,) = upload(real.address, fresh("png")).json()["files"]
    alias = file["file"]
    with Nginx(real.address) as nginx:
        for target in (
            f"/image/original/{alias}",
            f"/image/details/original/{alias}",
            f"/image/process.jpg?src={alias}&thumbnail=16",
            f"/image/process.png?src={alias}&crop=1x1&blur=1.5",
            "/image/original/nobody.png",
            "/image/process.webp?src=nobody.png",
        ):
            straight, through = ask(real.address, "GET", target), ask(nginx.address, "GET", target)
            assert (through.status, through.body) == (straight.status, straight.body)
            assert through.headers["Content-Type"] == straight.headers["Content-Type"]
        since = ask(real.address, "GET", f"/image/original/{alias}").headers["Last-Modified"]
        same = ask(nginx.address, "GET", f"/image/original/{alias}", headers={"If-Modified-Since": since})
        assert (
            same.status
            == ask(real.address, "GET", f"/image/original/{alias}", headers={"If-Modified-Since": since}).status
        )
