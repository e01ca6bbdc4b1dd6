"""What a release is made of: a CycloneDX list (SBOM) of every Python package that is installed for run time.

    python -m tests.release.sbom [FILE]

`make sbom` runs it. cyclonedx-py describes the whole environment, which has the tools of development in it; here
everything is left out that the project itself does not need, by the `Requires-Dist` of what is installed. The same
environment gives the same file, letter for letter: it holds no time and no random number.

It lists packages, not what their authors built into them: FFmpeg inside av, the image libraries inside pillow.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[2]
PYPROJECT: Final = ROOT / "pyproject.toml"
SPEC_VERSION: Final = "1.6"
"""CycloneDX's own: the newest that most readers of such files know."""


def project() -> dict[str, Any]:
    """The table `project` of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    return table


def needed(requirements: Iterable[str]) -> set[str]:
    """Names (normalised) of all packages that these requirements bring here, and theirs, with the extras asked for.

    Raises PackageNotFoundError for one that is not installed.
    """
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *sorted(requirement.extras)):
            if (name, extra) in found:
                continue
            found.add((name, extra))
            for text in requires(name) or []:
                needs = Requirement(text)
                if needs.marker is None or needs.marker.evaluate({"extra": extra}):
                    waiting.append(needs)
    return {name for name, _ in found}


def reduced(whole: dict[str, Any], keep: set[str], direct: set[str]) -> dict[str, Any]:
    """The list with these packages only (normalised names); the project itself depends on `direct`. Values in and out.

    Raises ValueError when one of them is not in the whole list.
    """
    root = whole["metadata"]["component"]["bom-ref"]
    names = {component["bom-ref"]: canonicalize_name(component["name"]) for component in whole["components"]}
    if missing := keep - set(names.values()):
        raise ValueError(f"not in the list of what is installed: {', '.join(sorted(missing))}")
    kept = {ref for ref, name in names.items() if name in keep}
    edges = []
    for edge in whole["dependencies"]:
        if edge["ref"] != root and edge["ref"] not in kept:
            continue
        on = [ref for ref in edge.get("dependsOn", []) if ref in kept and (edge["ref"] != root or names[ref] in direct)]
        edges.append({"ref": edge["ref"], **({"dependsOn": on} if on else {})})
    components = [component for component in whole["components"] if component["bom-ref"] in kept]
    return {**whole, "components": components, "dependencies": edges}


def environment() -> dict[str, Any]:
    """What cyclonedx-py says of the environment that this Python runs in. test_sbom.py holds it to the schema."""
    options = ("--pyproject", str(PYPROJECT), "--spec-version", SPEC_VERSION, "--output-reproducible", "--no-validate")
    said = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", "environment", *options, sys.executable],
        check=True,
        stdout=subprocess.PIPE,
    )
    whole: dict[str, Any] = json.loads(said.stdout)
    return whole


def sbom() -> dict[str, Any]:
    """The list for run time. Raises PackageNotFoundError or ValueError where something is not installed."""
    dependencies = project()["dependencies"]
    direct: set[str] = {canonicalize_name(Requirement(text).name) for text in dependencies}
    keep = needed(dependencies)
    return reduced(environment(), keep, direct)


def main() -> int:
    """Write it to the file that is named, or into dist/. Gives the exit code."""
    described = project()
    name = f"{described['name'].replace('-', '_')}-{described['version']}.cdx.json"
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist" / name
    try:
        made = sbom()
    except PackageNotFoundError as error:
        print(f"sbom: {error} is needed at run time and not installed: run `make sbom`", file=sys.stderr)
        return 1
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(made, indent=2, sort_keys=True) + "\n", "utf-8")
    print(f"{file}: {len(made['components'])} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
