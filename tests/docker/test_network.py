"""The network claim, for real: Lemmy's official file, our override as it stands, real containers on a real engine.

Lemmy's part is played by a container that sends what Lemmy sends; the world is a namespace behind this machine. The
tests tell one story, in their order: before the override, with it, after it was removed, and with nginx too.
Once: what is shown is the engine's and the image's, and the image has a Python of its own.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import yaml
from PIL import Image

from model.card import card, plain
from tests.docker.composed import DOCKER, OVERRIDE, project
from tests.docker.conftest import need_containers
from tests.docker.deployed import Deployed, Told
from tests.docker.engine import docker, inspect
from tests.docker.page import commands
from tests.docker.world import World
from tests.http1 import form

pytestmark = pytest.mark.once

PAGE = DOCKER / "README.md"
STEPS = "Docker compose: five steps"
DOCTOR = ("pictrs-filter", "doctor", "--compose", "-")
LEMMY = "0.19.20"
PICTRS = "0.5.25"
PICTRS_USER = 991
LEMMY_PORT = 8536
ALLOW = 'PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS: "true"'
FASTPATH = "docker-compose.yml:docker-compose.override.yml:pictrs-filter/docker/docker-compose.fastpath.yml"


def drawn(colour: str) -> bytes:
    """An ordinary picture, each colour another file."""
    with io.BytesIO() as file:
        Image.new("RGB", (320, 240), colour).save(file, "PNG")
        return file.getvalue()


class Lemmys:
    """Lemmy's containers, the folder that they are described in, and what Lemmy asks of its image server."""

    def __init__(self, site: Deployed, world: World) -> None:
        self.site, self.world = site, world
        self.before: dict[str, str] = {}
        self.started = ""

    def image(self, target: str, method: str = "GET", body: bytes = b"", headers: dict[str, str] | None = None) -> Told:
        return self.site.ask("lemmy", f"http://pictrs:8080{target}", method, body, headers)

    def upload(self, data: bytes) -> Told:
        headers, body = form(data)
        return self.image("/image", "POST", body, headers)

    def proxied(self, path: str) -> str:
        """The address of an outside picture, escaped as Lemmy does when a post is made."""
        return quote(self.world.url(path), safe="")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    need_containers()
    colours = {"plain.png": plain()} | {f"{name}.png": drawn(name) for name in ("red", "green", "blue", "teal")}
    with World(colours | {"card.png": card()}) as world:
        yield world


@pytest.fixture(scope="module")
def lemmy(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lemmys]:
    """Lemmy's file with images that are here; then a picture in its pict-rs; then our override without one line; then
    our override."""
    folder = project(tmp_path_factory.mktemp("lemmy"), LEMMY)
    (folder / OVERRIDE.name).unlink()
    theirs = yaml.safe_load((folder / "docker-compose.yml").read_text())
    services = theirs["services"]
    part = {"image": "pictrs-filter:cpu", "entrypoint": ["python3", "-m", "http.server", str(LEMMY_PORT)], "init": True}
    part["healthcheck"] = {"disable": True}  # the image's asks a filter
    services["lemmy"] = part | {each: services["lemmy"][each] for each in ("hostname", "restart")}
    services["lemmy"]["depends_on"] = ["pictrs"]
    services["proxy"] = {"image": "nginx:1.28", "depends_on": ["pictrs"]}
    services["pictrs"]["image"] = f"asonix/pictrs:{PICTRS}"
    del services["postgres"], services["lemmy-ui"]
    (folder / "docker-compose.yml").write_text(yaml.safe_dump(theirs))
    store = folder / "volumes" / "pictrs"
    store.mkdir(parents=True)
    os.chown(store, PICTRS_USER, PICTRS_USER)
    with Deployed(folder) as site:
        lemmys = Lemmys(site, world)
        site.up()
        site.settle(lambda: lemmys.image("/healthz").status == 200)
        lemmys.started = site.started("lemmy")
        for name, data in {"plain": plain(), "card": card()}.items():
            answer = lemmys.upload(data)
            assert answer.status == 201, answer
            lemmys.before[name] = answer.json()["files"][0]["file"]
        yield lemmys


def with_override(lemmy: Lemmys, text: str) -> None:
    (lemmy.site.folder / OVERRIDE.name).write_text(text)
    lemmy.site.up()
    lemmy.site.wait()


def test_before_it_everything_gets_in(lemmy: Lemmys) -> None:
    """The control: what the tests below look at is otherwise so. Even the card is stored, pict-rs gets out."""
    assert lemmy.image(f"/image/original/{lemmy.before['card']}").status == 200
    assert lemmy.site.connects("pictrs", lemmy.world.address, 80)
    assert lemmy.site.connects("lemmy", lemmy.world.address, 80)
    got = lemmy.image(f"/image/download?url={lemmy.proxied('/plain.png')}")
    assert got.status == 201
    assert "pict-rs" in lemmy.world.asked[-1][1]


def test_without_the_line_for_local_connections_the_log_says_which(lemmy: Lemmys) -> None:
    text = OVERRIDE.read_text()
    assert text.count(ALLOW) == 1
    with_override(lemmy, text.replace(ALLOW, "RUST_LOG: info"))
    asked = len(lemmy.world.asked)
    got = lemmy.image(f"/image/original?proxy={lemmy.proxied('/teal.png')}")
    assert got.status in (500, 502, 503)
    assert len(lemmy.world.asked) == asked
    lemmy.site.settle(lambda: "PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS=true" in lemmy.site.log("pictrs-filter"))
    assert lemmy.upload(drawn("brown")).status == 201  # and uploads go on


def test_compose_builds_the_image_from_the_checkout(lemmy: Lemmys) -> None:
    """The page's line; built from the engine's cache, and under a name of its own, as our stand-in runs the other."""
    name = f"{lemmy.site.name}:built"
    more = {"services": {"pictrs-filter": {"image": name, "build": {"network": "host"}}}}
    (lemmy.site.folder / "more.yml").write_text(yaml.safe_dump(more))
    files = (word for file in ("docker-compose.yml", OVERRIDE.name, "more.yml") for word in ("-f", file))
    (words,) = re.findall(r"(?m)^docker compose (build .*)$", "".join(commands(PAGE, STEPS)))
    done = lemmy.site.compose(*files, *words.split())
    assert done.returncode == 0, done.stderr
    assert inspect(name)["Config"]["Entrypoint"] == ["pictrs-filter"]
    docker("rmi", name)


@pytest.fixture(scope="module")
def filtered(lemmy: Lemmys) -> Lemmys:
    """Our override, byte for byte."""
    with_override(lemmy, OVERRIDE.read_text())
    assert (lemmy.site.folder / OVERRIDE.name).read_bytes() == OVERRIDE.read_bytes()
    lemmy.site.settle(lambda: lemmy.image("/healthz").status == 200)
    return lemmy


def test_lemmy_was_not_touched(filtered: Lemmys) -> None:
    assert filtered.image(f"/image/original/{filtered.before['plain']}").status == 200
    assert list(filtered.site.addresses("lemmy")) == ["default"]
    assert filtered.site.started("lemmy") == filtered.started


def test_pictrs_gets_nowhere(filtered: Lemmys) -> None:
    site = filtered.site
    assert site.connects("pictrs", "pictrs-filter", 8082)  # the probe is sound
    assert list(site.addresses("pictrs")) == ["pictrs-only"]
    assert not site.connects("pictrs", filtered.world.address, 80)
    for host in ("lemmy", site.addresses("lemmy")["default"]):
        assert not site.connects("pictrs", host, LEMMY_PORT)
        assert site.connects("pictrs-filter", host, LEMMY_PORT)


def test_nobody_but_the_filter_gets_to_pictrs(filtered: Lemmys) -> None:
    site = filtered.site
    (address,) = site.addresses("pictrs").values()
    assert site.connects("pictrs-filter", address, 8080)
    assert site.connects("pictrs-filter", "pictrs-upstream", 8080)
    container = site.compose("ps", "--format", "{{.Name}}", "pictrs").stdout.strip()
    other = site.addresses("pictrs-filter")["pictrs-only"]
    for who in ("lemmy", "proxy"):
        for host in ("pictrs-upstream", container, address, site.container("pictrs")[:12]):
            assert not site.connects(who, host, 8080), (who, host)
        assert not site.connects(who, other, 8080)
        assert site.connects(who, "pictrs", 8080)
    found = site.run("lemmy", "getent", "hosts", "pictrs").stdout.split()
    assert found[0] == site.addresses("pictrs-filter")["default"]


def test_uploads(filtered: Lemmys) -> None:
    passed = filtered.upload(drawn("orange"))
    assert passed.status == 201
    assert filtered.image(f"/image/original/{passed.json()['files'][0]['file']}").status == 200
    refused = filtered.upload(card())
    assert (refused.status, refused.json()["code"]) == (400, "failed-external-validation")


def test_link_previews(filtered: Lemmys) -> None:
    got = filtered.image(f"/image/download?url={filtered.proxied('/red.png')}")
    assert got.status == 201
    assert filtered.world.asked[-1][0] == "/red.png"
    assert "pictrs-filter" in filtered.world.asked[-1][1]  # and not pict-rs
    refused = filtered.image(f"/image/download?url={filtered.proxied('/card.png')}")
    assert (refused.status, refused.json()["code"]) == (400, "failed-external-validation")


def test_proxied_views_of_lemmys_shapes(filtered: Lemmys) -> None:
    """0.19 escapes when a post is made and not when it is seen; 1.0 escapes more than is needed. One fetch for all."""
    where = filtered.world.url("/green.png?width=640&s=a%2Fb")
    once = quote(where, safe="")
    every = once.replace(".", "%2E")
    shapes = [
        f"original?proxy={once}",
        f"details/original?proxy={once}",
        f"original?proxy={where}",
        f"process.webp?proxy={where}&thumbnail=96",
        f"process.jpg?proxy={every}&thumbnail=96",
    ]
    assert [filtered.image(f"/image/{shape}").status for shape in shapes] == [200] * len(shapes)
    assert [path for path, _ in filtered.world.asked].count("/green.png?width=640&s=a%2Fb") == 1
    refused = filtered.image(f"/image/original?proxy={filtered.proxied('/card.png')}")
    assert refused.status == 400


def test_its_own_commands_say_that_all_is_well(filtered: Lemmys) -> None:
    said = filtered.site.run("pictrs-filter", "pictrs-filter", "selftest")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "all is well" in said.stdout


def test_the_doctor_finds_nothing_in_the_image_beside_pict_rs(filtered: Lemmys) -> None:
    """Every check, in the container, with the set-up as compose merges it: the page's line."""
    site = filtered.site
    merged = json.loads(site.compose("config", "--format", "json").stdout)
    merged["services"]["lemmy"]["image"] = f"dessalines/lemmy:{LEMMY}"  # our stand-in's would be taken for a filter
    said = site.run("pictrs-filter", *DOCTOR, "--json", given=json.dumps(merged))
    found = {each["check"]: each["severity"] for each in json.loads(said.stdout)["findings"]}
    assert {check: each for check, each in found.items() if each in ("warning", "error")} == {}, said.stdout
    asked = {"state", "decoder", "upstream", "name-clash", "past-the-filter", "way-out", "callback", "old-validator"}
    assert {check for check, each in found.items() if each == "ok"} >= asked | {"compose", "model", "lemmy-time"}
    assert said.returncode == 0
    assert f"pictrs-filter {' '.join(DOCTOR)}\n" in "".join(commands(PAGE, STEPS))


def test_what_the_container_may(filtered: Lemmys) -> None:
    site = filtered.site
    assert site.run("pictrs-filter", "id", "-u").stdout.strip() == "10001"
    for place in ("/x", "/opt/pictrs-filter/x", "/etc/pictrs-filter/x"):
        assert site.run("pictrs-filter", "sh", "-c", f"echo >{place}").returncode != 0
    assert site.run("pictrs-filter", "sh", "-c", "echo >/tmp/x && echo >/var/lib/pictrs-filter/x").returncode == 0
    status = site.run("pictrs-filter", "cat", "/proc/1/status").stdout
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


def test_way_back(filtered: Lemmys) -> None:
    """The override is removed, and pict-rs is the one of before: its name, its ways, its pictures."""
    site = filtered.site
    seen = filtered.upload(drawn("gold")).json()["files"][0]["file"]
    (site.folder / OVERRIDE.name).unlink()
    site.up("--remove-orphans")
    site.settle(lambda: filtered.image("/healthz").status == 200)
    assert site.compose("ps", "--services").stdout.split() == ["lemmy", "pictrs", "proxy"]
    for alias in (*filtered.before.values(), seen):
        assert filtered.image(f"/image/original/{alias}").status == 200
    assert filtered.upload(drawn("navy")).status == 201
    assert list(site.addresses("pictrs")) == ["default"]
    assert site.started("lemmy") == filtered.started
    assert site.connects("pictrs", filtered.world.address, 80)
    for line in commands(PAGE, "The way back")[1].splitlines():  # what the page says is left
        docker(*shlex.split(line.replace("lemmy_", f"{site.name}_"))[1:])
    # a picture of `?proxy=` is fetched anew, from its origin
    assert filtered.image(f"/image/original?proxy={filtered.proxied('/green.png')}").status == 200
    assert "pict-rs" in filtered.world.asked[-1][1]


def test_nginx_shows_what_is_stored_while_the_filter_is_down(lemmy: Lemmys) -> None:
    site = lemmy.site
    (site.folder / ".env").write_text(f"COMPOSE_FILE={FASTPATH}\n")
    with_override(lemmy, OVERRIDE.read_text())
    stored = f"/image/original/{lemmy.before['plain']}"
    site.settle(lambda: lemmy.image(stored).status == 200)
    assert lemmy.upload(drawn("violet")).status == 201
    assert lemmy.upload(card()).status == 400
    assert lemmy.image(f"/image/original?proxy={lemmy.proxied('/blue.png')}").status == 200
    found = site.run("lemmy", "getent", "hosts", "pictrs").stdout.split()
    assert found[0] == site.addresses("pictrs-nginx")["default"]
    assert site.run("pictrs-nginx", "id", "-u").stdout.strip() == "65534"
    assert site.run("pictrs-nginx", "sh", "/pictrs-filter/container.sh", "-t").returncode == 0
    left = site.run("pictrs-nginx", "grep", "-o", r"127\.0\.0\.1:[0-9]*", "/tmp/pictrs-nginx/pictrs-filter.conf").stdout
    own = {f"127.0.0.1:{port}" for port in (8085, 8086, 8091)}  # of more filters, and pict-rs's hook
    assert set(left.split()) == own
    site.compose("stop", "--timeout", "2", "pictrs-filter")
    assert lemmy.image(stored).status == 200
    down = lemmy.upload(drawn("pink"))
    assert (down.status, down.json()["code"]) == (503, "image-check-unavailable")
