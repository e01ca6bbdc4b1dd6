"""Our override beside Lemmy's official files, as `docker compose` merges them: names, ways, ports, who waits.

Once: compose reads YAML, and no Python of ours has a part in it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import need_compose
from tests.docker.composed import FIXTURES, OVERRIDE, Merged, compose, config, project
from tests.docker.page import commands

pytestmark = pytest.mark.once

PAGE = OVERRIDE.parent / "README.md"
OLD = ["0.17.4", "0.18.0"]
"""Files that declare networks of their own: they need a hand edit."""
PLAIN = ["0.18.5", "0.19.3", "0.19.20", "1.0.0-beta.1", "ansible-1.5.18"]
FASTPATH = ("-f", "docker-compose.yml", "-f", OVERRIDE.name, "-f", "pictrs-filter/docker/docker-compose.fastpath.yml")
HAND_EDIT = """
      lemmyinternal:
        aliases: [pictrs]
      lemmyexternalproxy: {}
"""
"""In place of the two lines of `default`, as the page says."""


@pytest.fixture(autouse=True)
def _compose() -> None:
    need_compose()


def by_hand(text: str) -> str:
    """The override for files that declare networks of their own."""
    edited = text.replace(
        """
      default:
        aliases: [pictrs] # what Lemmy's pictrs.url says
""",
        HAND_EDIT,
    )
    assert edited != text
    return edited


def test_every_fixture_is_looked_at_and_says_where_it_is_from() -> None:
    assert sorted(OLD + PLAIN) == sorted(each.stem for each in FIXTURES.glob("*.yaml"))
    for each in FIXTURES.glob("*.yaml"):
        assert re.match(r"# LemmyNet/lemmy(-ansible)?, (docker|templates)/\S+ at tag [\w.-]+[:,] ", each.read_text())


@pytest.mark.parametrize("version", PLAIN)
def test_lemmy_finds_the_filter_and_the_filter_alone_finds_pictrs(tmp_path: Path, version: str) -> None:
    merged = Merged(project(tmp_path, version))
    assert merged.owners("pictrs", "default") == ["pictrs-filter"]
    assert merged.on("pictrs-only") == {"pictrs", "pictrs-filter"}
    assert merged.owners("pictrs-upstream", "pictrs-only") == ["pictrs"]
    assert merged.owners("pictrs-filter", "pictrs-only") == ["pictrs-filter"]
    assert list(merged.networks("pictrs")) == ["pictrs-only"]
    others = set(merged.services) - {"pictrs", "pictrs-filter"}
    assert others >= {"lemmy", "proxy", "postgres"}
    for each in others:
        assert merged.reach(each, "pictrs") == set(), each
        assert merged.reach(each, "pictrs-filter") == {"default"}
    assert (merged.way_out("pictrs"), merged.way_out("pictrs-filter")) == (set(), {"default"})


@pytest.mark.parametrize("version", PLAIN)
def test_what_is_published_and_told(tmp_path: Path, version: str) -> None:
    merged = Merged(project(tmp_path, version))
    assert merged.published("pictrs") == []
    assert merged.published("pictrs-filter") == [("127.0.0.1", "8083", 8083)]
    told = merged.services["pictrs-filter"]["environment"]
    assert told == {
        "PICTRS_FILTER_MODE": "shadow",
        "PICTRS_FILTER_UPSTREAM": "http://pictrs-upstream:8080",
        "PICTRS_FILTER_CALLBACK_URL": "http://pictrs-filter:8082",
    }
    assert merged.services["pictrs"]["environment"]["PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS"] == "true"
    asked = told["PICTRS_FILTER_UPSTREAM"].removeprefix("http://").partition(":")[0]
    assert [merged.owners(asked, network) for network in merged.networks("pictrs-filter")] == [[], ["pictrs"]]


@pytest.mark.parametrize("version", PLAIN)
def test_nobody_waits_for_the_filter(tmp_path: Path, version: str) -> None:
    services = Merged(project(tmp_path, version)).services
    for name, said in services.items():
        assert "pictrs-filter" not in said.get("depends_on", {}), name
        assert said.get("depends_on", {}).get("pictrs", {}).get("condition") in (None, "service_started"), name
    assert "pictrs" in services["lemmy"]["depends_on"]  # which Lemmy's file says, and pict-rs still is that service


@pytest.mark.parametrize("version", PLAIN)
def test_the_filter_is_confined(tmp_path: Path, version: str) -> None:
    said = Merged(project(tmp_path, version)).services["pictrs-filter"]
    assert (said["read_only"], said["cap_drop"], said["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert said["tmpfs"] == ["/tmp"]
    assert {(each["type"], each["source"], each["target"]) for each in said["volumes"]} == {
        ("volume", "pictrs-filter-state", "/var/lib/pictrs-filter"),
        ("volume", "pictrs-filter-models", "/var/cache/pictrs-filter"),
    }
    assert (said["image"], said["build"]["target"]) == ("pictrs-filter:cpu", "cpu")
    assert Path(said["build"]["context"], said["build"]["dockerfile"]).parent.samefile(OVERRIDE.parent)
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc"} & said.keys()


@pytest.mark.parametrize("version", PLAIN)
def test_no_other_service_is_changed_and_removing_the_file_puts_all_back(tmp_path: Path, version: str) -> None:
    folder = project(tmp_path, version)
    only = ("-f", "docker-compose.yml")
    before = compose(folder, *only, "config", "--format", "json").stdout
    assert '"pictrs"' in before
    theirs, ours = config(folder, *only), config(folder)
    changed = {"pictrs"}
    assert {name for name, said in theirs["services"].items() if ours["services"][name] != said} == changed
    kept = set(theirs["services"]["pictrs"]) - {"hostname", "environment", "networks"}
    assert {key for key in kept if ours["services"]["pictrs"][key] != theirs["services"]["pictrs"][key]} == set()
    (folder / OVERRIDE.name).unlink()
    assert compose(folder, "config", "--format", "json").stdout == before


@pytest.mark.parametrize("version", OLD)
def test_older_files_take_the_filter_after_a_hand_edit(tmp_path: Path, version: str) -> None:
    merged = Merged(project(tmp_path, version, by_hand(OVERRIDE.read_text())))
    assert merged.owners("pictrs", "lemmyinternal") == ["pictrs-filter"]
    assert merged.on("pictrs-only") == {"pictrs", "pictrs-filter"}
    assert (merged.way_out("pictrs"), merged.way_out("pictrs-filter")) == (set(), {"lemmyexternalproxy"})
    assert [merged.reach(each, "pictrs") for each in ("lemmy", "proxy", "lemmy-ui", "postgres")] == [set()] * 4
    assert "lemmyinternal" in merged.reach("lemmy", "pictrs-filter")


@pytest.mark.parametrize("version", OLD)
def test_older_files_without_it_reach_nothing(tmp_path: Path, version: str) -> None:
    """Nothing comes in, rather than past the filter."""
    merged = Merged(project(tmp_path, version))
    assert [merged.owners("pictrs", network) for network in merged.networks("lemmy")] in ([[]], [[], []])
    assert merged.reach("lemmy", "pictrs") == merged.reach("lemmy", "pictrs-filter") == set()


def edited(folder: Path, **pictrs: Any) -> Merged:
    """0.19.20 with more in its `pictrs`, as admins have it, and our override."""
    project(folder, "0.19.20")
    theirs = yaml.safe_load((folder / "docker-compose.yml").read_text())
    theirs["services"]["pictrs"].update(pictrs)
    theirs["networks"] = {"storage": {}}
    (folder / "docker-compose.yml").write_text(yaml.safe_dump(theirs))
    return Merged(folder)


def test_what_admins_added_to_pictrs_opens_no_way_past_the_filter(tmp_path: Path) -> None:
    merged = edited(
        tmp_path,
        ports=["8080:8080", "127.0.0.1:8537:8080"],
        networks={"default": {"aliases": ["pictrs", "images"]}, "storage": {}},
    )
    assert merged.published("pictrs") == []
    assert merged.owners("pictrs", "default") == ["pictrs-filter"]
    assert (list(merged.networks("pictrs")), merged.way_out("pictrs")) == (["pictrs-only"], set())


@pytest.mark.parametrize(
    ("spoilt", "seen"),
    [
        (lambda text: text.replace("networks: !override", "networks:"), "reach"),
        (lambda text: text.replace("ports: !override []", "ports: []"), "published"),
        (lambda text: text.replace("    internal: true", "    internal: false"), "way out"),
    ],
)
def test_each_line_of_it_is_needed(tmp_path: Path, spoilt: Callable[[str], str], seen: str) -> None:
    """What the tests above look at does change when a line is not there."""
    text = spoilt(OVERRIDE.read_text())
    assert text != OVERRIDE.read_text()
    project(tmp_path, "0.19.20", text)
    theirs = yaml.safe_load((tmp_path / "docker-compose.yml").read_text())
    theirs["services"]["pictrs"].update(ports=["8080:8080"], networks=["default"])
    (tmp_path / "docker-compose.yml").write_text(yaml.safe_dump(theirs))
    merged = Merged(tmp_path)
    told = {
        "reach": bool(merged.reach("lemmy", "pictrs")),
        "published": merged.published("pictrs") != [],
        "way out": bool(merged.way_out("pictrs")),
    }
    assert told.pop(seen)
    if seen != "reach":
        assert not any(told.values())


@pytest.mark.parametrize("version", PLAIN)
def test_nginx_takes_the_name_when_it_is_asked_for(tmp_path: Path, version: str) -> None:
    merged = Merged(project(tmp_path, version), *FASTPATH)
    assert merged.owners("pictrs", "default") == ["pictrs-nginx"]
    assert merged.owners("pictrs-filter", "default") == ["pictrs-filter"]
    assert merged.on("pictrs-only") == {"pictrs", "pictrs-filter", "pictrs-nginx"}
    assert (merged.way_out("pictrs"), merged.published("pictrs-nginx")) == (set(), [])
    assert merged.services["pictrs-filter"]["environment"]["PICTRS_FILTER_LISTEN"] == "0.0.0.0:8081"
    waits = merged.services["pictrs-nginx"]["depends_on"]
    assert {name: said["restart"] for name, said in waits.items()} == {"pictrs": True, "pictrs-filter": True}
    assert "pictrs-nginx" not in {name for said in merged.services.values() for name in said.get("depends_on", {})}


def test_enforcing_is_one_line_as_the_page_has_it(tmp_path: Path) -> None:
    folder = project(tmp_path, "0.19.20")
    (command,) = re.findall(r"^sed -i .*", PAGE.read_text(), re.M)
    subprocess.run(["sh", "-c", command], cwd=folder, check=True)
    before, after = OVERRIDE.read_text().splitlines(), (folder / OVERRIDE.name).read_text().splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [
        "      PICTRS_FILTER_MODE: enforce # shadow: judged and logged, but only the self-test card is refused"
    ]
    assert Merged(folder).services["pictrs-filter"]["environment"]["PICTRS_FILTER_MODE"] == "enforce"


def test_cuda_is_one_word(tmp_path: Path) -> None:
    text = OVERRIDE.read_text()
    assert text.count("service: cpu") == 1
    said = Merged(project(tmp_path, "0.19.20", text.replace("service: cpu", "service: cuda"))).services["pictrs-filter"]
    assert (said["image"], said["build"]["target"]) == ("pictrs-filter:cuda", "cuda")
    assert said["deploy"]["resources"]["reservations"]["devices"] == [
        {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    ]


def test_trial_shows_its_page_and_figures_to_this_machine_alone(tmp_path: Path) -> None:
    merged = Merged(OVERRIDE.parent, "-f", "compose.yaml")
    assert {each: merged.published(each) for each in merged.services} == {
        "page": [("127.0.0.1", "8088", 8080)],
        "pictrs": [],
        "pictrs-filter": [("127.0.0.1", "8083", 8083)],
    }
    assert (merged.reach("page", "pictrs"), merged.way_out("pictrs")) == (set(), set())
    assert merged.on("pictrs-only") == {"pictrs", "pictrs-filter"}


def test_compose_holds_files_to_the_specification(tmp_path: Path) -> None:
    """It checks every file against the schema of the compose specification before it merges: ours pass, above."""
    text = OVERRIDE.read_text()
    for wrong, says in (
        (text + "\nsecrts: {}\n", "secrts"),
        (text.replace("read_only: true", "read_only: [1]"), "read_only"),
    ):
        folder = project(tmp_path / says, "0.19.20", wrong)
        done = compose(folder, "config", "--quiet")
        assert done.returncode != 0
        assert says in done.stderr


def page_block(title: str) -> str:
    """The YAML below `<!-- merged: title -->` on the page for admins."""
    found = re.search(rf"<!-- merged: {title} -->\n```yaml\n(.*?)```", PAGE.read_text(), re.S)
    assert found, title
    return found[1]


@pytest.mark.parametrize("version", PLAIN)
@pytest.mark.parametrize(("title", "out"), [("object storage", {"pictrs-store"}), ("database", set())])
def test_what_the_page_adds_opens_no_way_past_the_filter(
    tmp_path: Path, version: str, title: str, out: set[str]
) -> None:
    folder = project(tmp_path, version)
    (folder / "more.yml").write_text(page_block(title))
    merged = Merged(folder, "-f", "docker-compose.yml", "-f", OVERRIDE.name, "-f", "more.yml")
    assert merged.way_out("pictrs") == out
    assert merged.owners("pictrs", "default") == ["pictrs-filter"]
    met = {each for each in merged.services if merged.reach(each, "pictrs")} - {"pictrs", "pictrs-filter"}
    assert met == ({"postgres"} if title == "database" else set())
    assert merged.published("pictrs") == []


def test_rules_are_checked_before_they_are_mounted(tmp_path: Path) -> None:
    """A filter with a mistake in its file does not start, and in a container that does not run nothing can be asked."""
    lines = "".join(commands(PAGE, "Rules of your own")).splitlines()
    asked = [line for line in lines if " pictrs-filter check " in line]
    assert asked == ["docker compose exec -T pictrs-filter pictrs-filter check /dev/stdin < filter/filter.yaml"]
    assert lines.index(asked[0]) < lines.index("docker compose up -d")
    text = OVERRIDE.read_text()
    (mount,) = re.findall(r"# (- \./filter:\S+)", text)
    merged = Merged(project(tmp_path, "0.19.20", text.replace(f"# {mount}", mount)))
    mounted = {each["target"]: each for each in merged.services["pictrs-filter"]["volumes"]}
    assert mounted["/etc/pictrs-filter"]["source"] == str(tmp_path / "filter")
    assert mounted["/etc/pictrs-filter"]["read_only"]


def test_the_page_has_the_hand_edit() -> None:
    assert f"```yaml{HAND_EDIT}```" in PAGE.read_text()
