"""Libraries that would report what they are used for, and do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once  # about two libraries, whatever the Python

ROOT = Path(__file__).resolve().parents[2]
USE = "import model.onnxengine, huggingface_hub.constants as hub; print(hub.HF_HUB_DISABLE_TELEMETRY)"


def test_no_library_keeps_an_account_of_its_use(tmp_path: Path) -> None:
    """onnxruntime 1.32 makes its device id when it is imported; without the variable, two files were found here."""
    kept = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name and "XDG" not in name}
    environment = kept | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    told = subprocess.run([sys.executable, "-c", USE], env=environment, check=True, capture_output=True, text=True)
    assert told.stdout == "True\n"
    assert [str(path) for path in tmp_path.rglob("*") if "onnxruntime" in str(path) or "Microsoft" in str(path)] == []
