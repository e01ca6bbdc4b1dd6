"""`pictrs-filter bench` from end to end with a tiny model: what it prints, how it ends, and that it leaves nothing."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from addons.admin.bench.bench import bench
from addons.admin.bench.pictures import Pictures, drawn
from addons.admin.bench.report import KEYS
from addons.admin.cli import main
from config.load import Config, load
from model.errors import DecoderFailed, ModelError
from model.parts import Parts
from model.photograph import THUMBNAIL, UPLOAD, Kind
from tests.addons.admin.bench.test_report import keys
from tests.running import repository
from tests.tinymodel import write_model

Captured = pytest.CaptureFixture[str]
SECONDS = 120.0
TINY = 0.1
"""Seconds of measuring: a turn or two of each step."""


@pytest.fixture(autouse=True)
def _sigint_is_not_ignored() -> Iterator[None]:
    """A shell has what it starts in the background ignore SIGINT, and what that starts, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with a tiny model of random weights, which refuses nothing."""
    return configuration(tmp_path)


def configuration(folder: Path, **settings: Any) -> Path:
    model = write_model(folder / "tiny")
    rule = {"name": "never", "when": {"signal": "ab", "at_least": 1.0}, "action": "reject"}
    content = {
        "models": {"tiny": {"timm": f"local-dir:{model}", "labels": ["a", "b", "c"]}},
        "signals": {"ab": {"model": "tiny", "sum_labels": ["a", "b"]}},
        "rules": [rule],
        "state_dir": str(folder / "state"),
        **settings,
    }
    path = folder / "filter.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def few() -> list[Pictures]:
    return drawn([(THUMBNAIL, 2), (UPLOAD, 2)])


def run(file: Path, *pictures: Path, **more: Any) -> int:
    config = load(file, env={})
    return asyncio.run(bench(config, pictures, seconds=TINY, **{"draw": few, **more}))


def test_json_has_the_promised_keys_and_true_figures(file: Path, tmp_path: Path, capsys: Captured) -> None:
    assert run(file, as_json=True, at_once=3) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    # advice and reasons are there when there is something to say
    assert set(keys(found)) | {"result.advice[]"} == set(KEYS)
    assert found["complete"] is True
    assert found["configuration"] == str(file)
    assert found["setup"]["models"] == {"tiny": f"local-dir:{tmp_path}/tiny"}
    assert found["setup"]["device"] in ("cpu, torch", "cpu, onnxruntime")
    assert found["setup"]["decoder_processes"] == 2
    small, ordinary = found["decode"]
    assert (small["pictures"], small["files"]) == ("thumbnail, 400 x 300", 2)
    assert (ordinary["pictures"], ordinary["files"]) == ("ordinary upload, 1600 x 1200", 2)
    # and what a closer look adds, as random weights see it
    assert small["mean_views"] >= 1
    assert ordinary["mean_views"] >= 13
    one, many = found["model"]
    assert (one["views_per_call"], one["calls_at_once"], many["calls_at_once"]) == (1, 1, 3)
    assert many["views_per_call"] >= 13
    assert [row["uploads_at_once"] for row in found["whole"]] == [1, 3]
    assert all(row["judged"] >= row["uploads_at_once"] and not row["not_judged"] for row in found["whole"])
    for row in (*found["decode"], *found["whole"]):
        assert 0 < row["p50_ms"] <= row["p99_ms"]
        assert row["pictures_per_second"] > 0
    assert found["result"]["pictures_per_second"] == found["whole"][1]["pictures_per_second"]
    assert found["result"]["p99_ms"] == found["whole"][1]["p99_ms"]
    assert re.findall(r"^(\w+).*$", said.err, re.MULTILINE) == [
        *("loading", "drawing", "decoding", "decoding", "model", "model", "starting", "uploads", "uploads")
    ]
    assert not (tmp_path / "state").exists()  # that of the administrator is not touched


def test_pictures_of_the_administrators_own(file: Path, tmp_path: Path, capsys: Captured) -> None:
    for number in range(2):
        (tmp_path / f"{number}.jpg").write_bytes(Kind("", 500, 400).draw(number))
    assert run(file, tmp_path / "0.jpg", tmp_path / "1.jpg", draw=pytest.fail) == 0
    out = capsys.readouterr().out
    assert re.search(r"^  your 2 files +\d+ +\S+ +\S+ +\d+ +\d+$", out, re.MULTILINE)
    assert "This server can judge " in out


def test_sizes_that_the_settings_refuse_are_told_and_left_out(tmp_path: Path, capsys: Captured) -> None:
    file = configuration(tmp_path, limits={"max_side_pixels": 2000})
    huge = Kind("huge", 2001, 100)
    assert run(file, draw=lambda: drawn([(huge, 1), (UPLOAD, 1)]), as_json=True) == 0
    first, second = json.loads(capsys.readouterr().out)["decode"]
    assert "failure.too_large" in first["refused"]
    assert (first["done"], first["mean_views"], second["refused"]) == (None, None, None)


def test_settings_that_refuse_every_ordinary_picture(tmp_path: Path, capsys: Captured) -> None:
    file = configuration(tmp_path, limits={"max_side_pixels": 1000})
    assert run(file) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "pictrs-filter: these settings refuse an ordinary picture (ordinary upload, 1600 x 1200): " in said.err


def test_a_file_that_cannot_be_judged(file: Path, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "half.jpg").write_bytes(THUMBNAIL.draw(1)[:9000])
    assert run(file, tmp_path / "half.jpg") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[1:] == [
        f"pictrs-filter: {tmp_path}/half.jpg: cannot be judged: the JPEG breaks off before its end marker "
        "(failure.undecodable)"
    ]


def test_a_file_that_is_not_there_is_told_before_anything_is_loaded(file: Path, capsys: Captured) -> None:
    assert run(file, Path("missing.jpg"), start_parts=pytest.fail) == 1
    assert capsys.readouterr().err == "pictrs-filter: missing.jpg: cannot be read: No such file or directory\n"


@pytest.mark.parametrize("error", [ModelError("fetch the model again"), DecoderFailed("no decoder can be started")])
def test_parts_that_cannot_be_had(file: Path, capsys: Captured, error: Exception) -> None:
    async def start(_: Config) -> Parts:
        raise error

    assert run(file, start_parts=start) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[1:] == [f"pictrs-filter: {error}"]


def test_a_model_that_is_not_there(file: Path, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "tiny" / "config.json").unlink()
    assert main(["bench", "--config", str(file)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "there is no config.json in that folder; write local-dir:/path of a timm model" in said.err


def test_where_no_upload_is_in_time(tmp_path: Path, capsys: Captured) -> None:
    """The parts are measured all the same; it says that it is too slow, which is an answer and no failure."""
    file = configuration(tmp_path, deadline_seconds=0.001)
    assert run(file, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["judged"] for row in found["whole"]] == [0, 0]
    assert all(row["not_judged_answer"].startswith('503 "') for row in found["whole"])
    assert (found["result"]["fast_enough"], found["result"]["p99_ms"]) == (False, None)
    assert "TOO SLOW" in found["result"]["assessment"]
    assert found["decode"][0]["pictures_per_second"] > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_shows_what_was_measured(file: Path, tmp_path: Path, number: signal.Signals) -> None:
    picture = tmp_path / "photo.jpg"
    picture.write_bytes(THUMBNAIL.draw(1))
    options = ["--config", str(file), "--seconds", "60", "--json", str(picture)]
    command = [sys.executable, "-m", "addons.admin.cli", "bench", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=repository(), stdout=pipe, stderr=pipe, text=True) as running:
        try:
            assert running.stderr
            for line in running.stderr:
                if line.startswith("decoding"):
                    break
            running.send_signal(number)
            out, err = running.communicate(timeout=SECONDS)
        finally:
            running.kill()
    assert running.returncode == 130
    assert err == "pictrs-filter: interrupted; this is what was measured until then\n"
    found = json.loads(out)
    assert (found["complete"], found["result"], found["model"]) == (False, None, [])
    assert found["decode"][0]["pictures_per_second"] > 0
