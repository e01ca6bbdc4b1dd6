"""The benchmark itself: that it measures what it says, says what went wrong, and leaves nothing behind."""

from __future__ import annotations

import io
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
import torch

from config.media import Limits
from config.settings import Settings
from tests import nginx
from tests.bench import bench, loads, memory, processes, report, runs, timing, views
from tests.bench.client import Client, Timed
from tests.bench.pictures import Kind
from tests.bench.sizes import FULL, QUICK
from tests.http1 import Request, write_answer
from tests.recorder import Recorder, pictrs_answer
from tests.running import repository

MIB = 1024 * 1024
END_SECONDS = 30.0
READY_LINE = "ready: listening on 127.0.0.1:9"
NGINX_WAYS = () if nginx.available() else (views.ALONE, views.FAST)
"""What is measured besides where nginx is installed."""


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """A quick run: its JSON, and what it said."""
    folder = tmp_path_factory.mktemp("results")
    with redirect_stdout(io.StringIO()) as said:
        assert bench.main(["--quick", "--out", str(folder)]) == 0
    (file,) = folder.glob("*.json")
    found: dict[str, Any] = json.loads(file.read_text())
    assert found["started"] == file.stem
    return found, said.getvalue()


@pytest.fixture(scope="module")
def measured(quick: tuple[dict[str, Any], str]) -> dict[str, Any]:
    return quick[0]


def test_a_run_leaves_no_process(measured: dict[str, Any]) -> None:
    assert psutil.Process().children(recursive=True) == []


def test_memory_is_that_of_the_filter_and_its_decoders(measured: dict[str, Any]) -> None:
    (run,) = measured["memory"]
    assert run["filter"].startswith("ready: listening on ")
    assert "model open-nsfw" in run["filter"]
    assert 50 * MIB < run["ready_anonymous"] < run["ready"]["proxy"]  # torch and a model
    assert 20 * MIB < run["ready"]["decoders"] < run["ready"]["proxy"]  # Pillow and numpy, twice
    assert run["deadline_seconds"] == Settings().deadline_seconds
    (only,) = run["passes"]
    assert only["answers"] == {"201": QUICK.uploads}
    assert only["peak"]["proxy"] >= only["after"]["proxy"]
    assert only["high_water"] >= only["peak"]["proxy"] - MIB
    assert [(view["status"], view["size"]) for view in run["views"].values()] == [(200, QUICK.large_view)] * 2


def test_times_are_side_by_side(measured: dict[str, Any]) -> None:
    (upload, view, decoding, model) = measured["seconds"]
    assert decoding == "decoding a JPEG of 0 megapixels"
    ways_to_decode = [len(seconds) for seconds in measured["seconds"][decoding].values()]
    assert ways_to_decode == [QUICK.decodes] * 3
    assert model == "a view of the embedded model"
    assert [len(seconds) for seconds in measured["seconds"][model].values()] == [QUICK.forwards] * 3
    assert upload.startswith("upload of ")
    assert view == "view of 20 kB"
    turns = {name: len(seconds) for name, seconds in measured["seconds"][upload].items()}
    assert turns == dict.fromkeys(("straight", "filter", "filter, model of 0 ms", "filter, judge of 0 ms"), QUICK.turns)
    assert measured["stages"].keys() == {"hash", "decode", "classify", "verdict, all of it"}
    assert measured["stages"]["decode"] > 0
    ways = measured["times"][upload]
    assert ways["straight"]["ratio"] == 1
    assert ways["filter"]["p50_ms"] > ways["filter, judge of 0 ms"]["p50_ms"] > ways["straight"]["p50_ms"] > 0


def test_views_are_counted_by_the_second_and_by_cpu(measured: dict[str, Any]) -> None:
    assert list(measured["views"]) == ["straight", views.PLAIN, views.FILTER, *NGINX_WAYS]
    for rate in measured["views"].values():
        assert rate["per_second"] > 0
        assert len(rate["rounds"]) == len(rate["cpu_rounds"]) == QUICK.view_rounds
    assert measured["views"][views.PLAIN]["ratio"] == 1


def test_loads_are_of_the_capacity_and_nothing_is_unscanned(measured: dict[str, Any]) -> None:
    for loaded in measured["loads"]:
        assert loaded["capacity"] > 0
        assert [run["factor"] for run in loaded["runs"]] == list(loads.FACTORS)
        assert sum(run["failed"] for run in loaded["runs"]) == 0
        assert loaded["stored"] > 0
        assert loaded["unscanned"] == 0
        assert 0 <= loaded["unknown"] < loaded["stored"]
        assert all(lag["times"] > 0 and lag["max_ms"] >= lag["p99_ms"] for lag in loaded["lags"].values())
    assert len(measured["loads"]) == 2
    assert measured["loads"][1]["unknown"] > 0  # the large ones, which a model that looks at nothing lets pass


def test_lists_are_searched(measured: dict[str, Any]) -> None:
    spread, crowded = measured["lists"]
    assert (spread["name"], crowded["name"]) == ("spread", "crowded")
    for listed, count in ((spread, QUICK.list_searches), (crowded, 1)):
        assert listed["hashes"] == QUICK.list_hashes
        assert {what: len(times) for what, times in listed["searches"].items()} == dict.fromkeys(
            ("within 31 bits", "within 10 bits"), count
        )
        assert min(listed["read"], listed["build"], *listed["searches"]["within 31 bits"]) > 0


def test_growth_is_sampled(measured: dict[str, Any]) -> None:
    (growth,) = measured["growth"]
    assert list(growth["after"]) == ["10", "20"]


def test_figures_come_with_machine_and_versions(measured: dict[str, Any]) -> None:
    packages = ("pictrs-filter", "mitmproxy", "torch", "timm", "onnxruntime", "pillow", "numpy", "aiohttp")
    beside = ("nginx",) if nginx.program() else ()
    assert list(measured["versions"]) == ["python", *packages, *beside]
    assert all(re.match(r"\d+\.\d+", version) for version in measured["versions"].values())
    assert list(measured["machine"]) == ["cpu", "cores", "memory_mib", "system", "load", "gpu"]
    assert bool(measured["machine"]["gpu"]) is torch.cuda.is_available()
    assert measured["machine"]["cores"] >= 1
    assert measured["machine"]["memory_mib"] > 512
    assert measured["machine"]["cpu"]


@pytest.mark.parametrize(
    "line",
    [
        "] starting the filter",
        "ready (",
        "warm, after one small upload",
        "pass 1: peak, 4 uploads",
        "VmHWM",
        "view: 2 MB",
        "deadline_seconds: 8: answered 4 times 201",
        "filter, judge of 0 ms",
        "view of 20 kB, ms",
        "stages of a verdict",
        "views a second",
        "load: embedded model",
        "event loop late",
        "grown by",
        "  search within 31 bits",
        "growth; then: nothing",
        *(f"  {name} " for name in NGINX_WAYS),
        *(["the fast path against nginx alone"] if NGINX_WAYS else []),
        "Load average",
        "written to",
    ],
)
def test_steps_and_figures_are_told(quick: tuple[dict[str, Any], str], line: str) -> None:
    assert line in quick[1]


@pytest.mark.parametrize("name", ["", "NVIDIA H100"])
def test_a_gpu_is_told_where_there_is_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(name))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: name)
    machine = report.machine(0.5)
    assert machine.gpu == name
    told, _, _ = report.table(report.Report("", "", machine, {})).partition("\n")
    assert told.endswith(f"{machine.system}, {name}" if name else machine.system)


@pytest.mark.parametrize(("program", "found"), [(None, {}), ("/bin/nginx", {"nginx": "1.22.1"})])
def test_nginx_is_told_where_it_is_installed(
    program: str | None, found: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, "", f"{command[0]} version: nginx/1.22.1\n")

    monkeypatch.setattr(nginx, "program", lambda: program)
    monkeypatch.setattr(subprocess, "run", run)
    assert report.beside() == found


class Slow:
    """A filter that is too late for every upload but where it has a minute."""

    pid = os.getpid()
    ready_line = READY_LINE

    def __init__(self, recorder: Recorder, options: Sequence[str]) -> None:
        late = "deadline_seconds: 60.0" not in Path(options[1]).read_text()
        recorder.answer = (lambda _: write_answer(503)) if late else pictrs_answer
        self.address = recorder.address


def test_uploads_that_are_too_late_are_told_and_tried_again_with_time(tmp_path: Path) -> None:
    said: list[str] = []
    with Recorder() as recorder:

        @contextmanager
        def start(_: str, options: Sequence[str]) -> Iterator[Slow]:
            yield Slow(recorder, options)

        short, long = runs.measure_memory(recorder.url, QUICK, 2.0, tmp_path, said.append, start)
    assert (short.deadline_seconds, long.deadline_seconds) == (2.0, 60.0)
    assert [each.answers for each in short.passes] == [{503: QUICK.uploads}]
    assert [each.answers for each in long.passes] == [{201: QUICK.uploads}]
    assert any("too late for deadline_seconds: 2" in line for line in said)


def test_a_bench_that_fails_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--quick", "--only", "memory", "--deadline", "-1", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "is not ready" in said
    assert "deadline_seconds: must be" in said
    assert list(tmp_path.iterdir()) == []


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for word in ("--quick", "--only", "--deadline", "--out", "RSS", "p95", "ratio", "Exit codes"):
        assert word in said


@pytest.mark.parametrize(
    ("values", "percent", "found"),
    [
        pytest.param([3.0], 50, 3.0, id="one value"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 50, 2.0, id="median of an even number"),
        pytest.param([float(value) for value in range(1, 41)], 95, 38.0, id="95 of 40"),
        pytest.param([1.0, 2.0], 100, 2.0, id="the largest"),
        pytest.param([1.0, 2.0], 0, 1.0, id="the smallest"),
    ],
)
def test_percentile(values: list[float], percent: float, found: float) -> None:
    assert timing.percentile(values, percent) == found


def test_ways_take_turns_there_and_back() -> None:
    ways = {name: Client(("127.0.0.1", 9)) for name in "AB"}
    names = {id(client): name for name, client in ways.items()}
    asked: list[str] = []

    def ask(client: Client, turn: int) -> Timed:
        asked.append(names[id(client)] + str(turn))
        return Timed(200, 0, float(turn))

    seconds = timing.side_by_side(ways, ask, turns=2, warm_up=1, status=200)
    assert asked == ["A0", "B0", "B1", "A1", "A2", "B2"]
    assert seconds == {"A": [1.0, 2.0], "B": [1.0, 2.0]}
    with pytest.raises(RuntimeError, match="A: HTTP status 200 where 201"):
        timing.side_by_side(ways, ask, turns=1, warm_up=0, status=201)


def test_what_a_way_adds_is_told_turn_by_turn() -> None:
    found = timing.compare({"straight": [0.001, 0.009, 0.002], "filter": [0.004, 0.010, 0.006]})
    assert found["filter"].p50_ms == pytest.approx(6)
    assert found["filter"].p95_ms == pytest.approx(10)
    assert found["filter"].ratio == pytest.approx(3)
    assert found["filter"].added_ms == pytest.approx(3)  # of 3, 1 and 4


def test_the_peak_is_seen_and_children_are_counted() -> None:
    with processes.upstream(), memory.Sampler(os.getpid()) as sampler:
        held = b"x" * (512 * MIB)  # far more than this process may give back meanwhile
    assert len(held) == 512 * MIB
    assert sampler.peak.proxy - sampler.before.proxy > 256 * MIB
    assert sampler.before.decoders > MIB
    assert sampler.peak.total >= sampler.peak.proxy


def test_a_process_that_is_gone_is_told() -> None:
    with processes.upstream() as running:
        pid = running.pid
    with pytest.raises(RuntimeError, match="has ended"):
        memory.read(pid)
    assert memory.of_kernel(pid, "VmHWM") == 0


def test_answers_are_counted_by_status(tmp_path: Path) -> None:
    def answer(request: Request) -> bytes:
        return write_answer(503) if b"late" in request.body else pictrs_answer(request)

    files = [tmp_path / str(number) for number in range(11)]
    for number, file in enumerate(files):
        file.write_bytes(b"late" if number < 2 else b"in time")
    said: list[str] = []
    with Recorder(answer) as recorder:
        found = memory.upload_all(os.getpid(), recorder.address, files, 3, said.append)
        assert len(recorder.requests) == 11
    assert found.answers == {201: 9, 503: 2}
    assert 0 < found.slowest <= found.seconds
    assert said == ["10 of 11 uploads answered"]


def test_the_upstream_throws_away_and_streams() -> None:
    with processes.upstream() as running, Client(running.address) as client:
        assert client.upload(bytes(3_000_000)).status == 201
        for size in (0, 1, 64 * 1024, 200_001):
            answer = client.view(size)
            assert (answer.status, answer.size) == (200, size)


def test_a_program_that_does_not_start_says_why() -> None:
    with (
        pytest.raises(RuntimeError, match=r"(?s)is not ready:.*no luck"),
        processes.Program("-c", "raise SystemExit('no luck')"),
    ):
        pytest.fail("it was taken for ready")


def test_a_program_ends_when_the_benchmark_fails() -> None:
    running = processes.upstream()
    with pytest.raises(ZeroDivisionError), running:
        raise ZeroDivisionError
    assert not psutil.pid_exists(running.pid)


def test_the_users_own_settings_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTRS_FILTER_MODE", "shadow")
    script = f"import os; print('{READY_LINE}', [name for name in os.environ if name.startswith('PICTRS_FILTER')])"
    with processes.Program("-c", script) as running:
        assert running.ready_line == f"{READY_LINE} []"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_program_ends_with_a_benchmark_that_is_killed() -> None:
    script = (
        "from tests.bench import processes\n"
        "with processes.upstream() as running:\n"
        "    print(running.pid, flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=repository(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        descriptor = os.pidfd_open(int(parent.stdout.readline()))
        try:
            assert select.select([descriptor], [], [], 0)[0] == []
            parent.send_signal(signal.SIGKILL)
            assert select.select([descriptor], [], [], END_SECONDS)[0] == [descriptor]
        finally:
            os.close(descriptor)


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        pytest.param(FULL.large[0], 9_000_000, 11_000_000, id="large JPEG"),
        pytest.param(FULL.large[1], 9_000_000, 11_000_000, id="large PNG"),
        pytest.param(FULL.ordinary, 450_000, 550_000, id="ordinary JPEG"),
    ],
)
def test_pictures_are_as_large_as_said_and_within_the_limits(kind: Kind, least: int, most: int) -> None:
    limits = Limits()
    picture = kind.make(1)
    assert least < len(picture) < most
    assert kind.width * kind.height <= limits.max_area_pixels
    assert max(kind.width, kind.height) <= limits.max_side_pixels


def test_each_seed_is_another_picture() -> None:
    assert FULL.ordinary.make(1) == FULL.ordinary.make(1) != FULL.ordinary.make(2)
