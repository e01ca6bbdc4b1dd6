"""lemmy-ansible and Lemmy-Easy-Deploy: our override beside what they make, by the lines of their pages.

Once: compose reads YAML. The fixtures hold facts about their templates; each says which.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import need_compose
from tests.docker.composed import DOCKER, FIXTURES, OVERRIDE, Merged, compose, config
from tests.docker.page import commands
from tests.running import repository

pytestmark = pytest.mark.once

HERE = Path(__file__).with_name("deployments")
EASY, SAFETY, ANSIBLE = (
    HERE / "easy-deploy-1.4.5.yaml",
    HERE / "ansible-safety-1.5.18.yaml",
    FIXTURES / "ansible-1.5.18.yaml",
)
PAGES = {ANSIBLE: DOCKER / "lemmy-ansible.md", EASY: DOCKER / "lemmy-easy-deploy.md"}
EVERY = [ANSIBLE, SAFETY, EASY]
WORDS = {ANSIBLE: (), SAFETY: (), EASY: ("-p", "lemmy-easy-deploy")}
by_name = pytest.mark.parametrize("fixture", EVERY, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def _compose() -> None:
    need_compose()


def folder(path: Path, fixture: Path) -> Path:
    """What the deployment leaves: its compose file, and the files that it names. Ours is not there yet."""
    path.mkdir()
    (path / "docker-compose.yml").write_bytes(fixture.read_bytes())
    for name in re.findall(r"env_file: \[\./([\w.]+)\]", fixture.read_text()):
        (path / name).touch()
    return path


def installed(path: Path, fixture: Path) -> Path:
    """After the page's steps, with a link for `git clone`; the lines that ask an engine are left out."""
    made = folder(path, fixture)
    (made / "pictrs-filter").symlink_to(repository())
    page = PAGES.get(fixture, PAGES[ANSIBLE])
    copies = [line for line in commands(page, "Steps")[0].splitlines() if line.startswith("cp ")]
    assert len(copies) == 1
    subprocess.run(copies[0], shell=True, cwd=made, check=True)
    return made


@by_name
def test_lemmy_finds_the_filter_and_the_filter_alone_finds_pictrs(tmp_path: Path, fixture: Path) -> None:
    merged = Merged(installed(tmp_path / "live", fixture), *WORDS[fixture])
    assert merged.owners("pictrs", "default") == ["pictrs-filter"]
    assert merged.on("pictrs-only") == {"pictrs", "pictrs-filter"}
    assert merged.owners("pictrs-upstream", "pictrs-only") == ["pictrs"]
    assert (merged.way_out("pictrs"), merged.way_out("pictrs-filter")) == (set(), {"default"})
    assert (merged.published("pictrs"), merged.published("pictrs-filter")) == ([], [("127.0.0.1", "8083", 8083)])
    assert merged.reach("lemmy", "pictrs") == set()
    assert merged.reach("lemmy", "pictrs-filter") == {"default"}
    assert not [each for each, said in merged.services.items() if "pictrs-filter" in said.get("depends_on", {})]


@by_name
def test_nothing_else_is_changed(tmp_path: Path, fixture: Path) -> None:
    """Every service but pict-rs is told what it was told, and pict-rs keeps its image, its user and its volume."""
    before = config(folder(tmp_path / "live", fixture), *WORDS[fixture])
    shutil.rmtree(tmp_path / "live")
    after = config(installed(tmp_path / "live", fixture), *WORDS[fixture])
    assert before["name"] == after["name"]
    for name, said in before["services"].items():
        now = after["services"][name]
        if name == "pictrs":
            for key in ("image", "user", "volumes", "restart", "depends_on"):
                assert now.get(key) == said.get(key), key
            assert said["environment"].items() <= now["environment"].items()
        else:
            assert now == said, name


@pytest.mark.parametrize("fixture", PAGES, ids=lambda path: path.stem)
def test_the_way_back_leaves_what_there_was(tmp_path: Path, fixture: Path) -> None:
    made = installed(tmp_path / "live", fixture)
    there = config(made, *WORDS[fixture])
    (back,) = commands(PAGES[fixture], "The way back")
    removals = [line for line in back.splitlines() if line.startswith("rm ")]
    assert removals == [f"rm {OVERRIDE.name}"]
    subprocess.run(removals[0], shell=True, cwd=made, check=True)
    assert config(made, *WORDS[fixture]) != there
    alone = compose(made, *WORDS[fixture], "-f", "docker-compose.yml", "config")
    assert compose(made, *WORDS[fixture], "config").stdout == alone.stdout


def test_the_playbooks_own_words_take_the_override_in(tmp_path: Path) -> None:
    """As community.docker's docker_compose_v2 calls it for `project_src` alone (get_base_args of its module_utils)."""
    made = installed(tmp_path / "example.com", ANSIBLE)
    merged = Merged(made, "--ansi", "never", "--progress", "json", "--project-directory", str(made))
    assert "pictrs-filter" in merged.services
    assert merged.all["name"] == "examplecom"


def test_old_validation_would_have_no_way_out(tmp_path: Path) -> None:
    """What the page says of pictrs_safety: pict-rs is told an address that it cannot reach any more."""
    merged = Merged(installed(tmp_path / "example.com", SAFETY))
    assert "PICTRS__MEDIA__EXTERNAL_VALIDATION" in merged.services["pictrs"]["environment"]
    assert (merged.way_out("pictrs"), merged.reach("pictrs", "pictrs-safety")) == (set(), set())
    assert "`pictrs_safety=false`" in PAGES[ANSIBLE].read_text("utf-8")


@pytest.mark.parametrize("fixture", PAGES, ids=lambda path: path.stem)
def test_the_pages_commands_name_the_project_and_services_that_exist(tmp_path: Path, fixture: Path) -> None:
    services = Merged(installed(tmp_path / "live", fixture), *WORDS[fixture]).services
    lines = re.findall(
        r"docker compose [^|\n`]+", "\n".join(re.findall(r"(?ms)^```sh\n(.*?)^```", PAGES[fixture].read_text()))
    )
    assert len(lines) >= 7
    for line in lines:
        words = line.split()[2:]
        assert tuple(words[: len(WORDS[fixture])]) == WORDS[fixture], line
        verb, *rest = words[len(WORDS[fixture]) :]
        named = [word for word in rest if not word.startswith("-")][:1]
        assert verb in ("build", "up", "exec", "config"), line
        if verb in ("build", "exec"):
            assert named[0] in services, line


def test_easy_deploy_still_finds_pictrs_where_it_asks(tmp_path: Path) -> None:
    """deploy.sh waits for `exec pictrs wget 127.0.0.1:8080/healthz`, and pulls images before all else."""
    services = Merged(installed(tmp_path / "live", EASY), *WORDS[EASY]).services
    assert services["pictrs"]["image"] == "asonix/pictrs:0.5"
    assert "PICTRS__SERVER__ADDRESS" not in services["pictrs"]["environment"]
    assert services["pictrs-filter"]["pull_policy"] == "never"
    assert services["pictrs-filter"]["build"]["target"] == "cpu"


@by_name
def test_every_fixture_says_where_it_is_from(fixture: Path) -> None:
    assert re.match(r"# \S+/\S+, templates/\S+ at tag [\d.]+[ ,]", fixture.read_text())
