"""A configuration for a filter in a process of its own: free ports, and a key that goes with the test."""

from __future__ import annotations

from pathlib import Path


def own_file(folder: Path, more: str = "") -> Path:
    """Write it into `folder` and return its path; `more` is YAML that comes on top."""
    path = folder / "filter.yaml"
    path.write_text(
        f"listen: 127.0.0.1:0\ncallback: {{listen: 127.0.0.1:0}}\nadmin: {{listen: off}}\n"
        f"state_dir: '{folder}/state'\n{more}"
    )
    return path
