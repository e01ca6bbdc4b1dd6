"""The command line: its help is true, its exit codes are as promised, and no foreseeable cause shows a traceback."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from addons.admin.cli import main
from addons.admin.grammar import parser
from model.card import card, plain
from tests.recorder import Recorder
from tests.running import repository
from tests.served import own_file

Captured = pytest.CaptureFixture[str]
SECONDS = 60.0
COMMANDS = (
    *("serve", "check", "classify", "explain", "selftest", "doctor", "bench", "log", "allow", "deny", "lists"),
    *("presets", "models", "calibrate", "healthcheck", "demo"),
)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "LISTEN", "UPSTREAM", "MODE", "DEVICE"):
        monkeypatch.delenv(f"PICTRS_FILTER_{name}", raising=False)


@pytest.fixture(autouse=True)
def _sigint_is_not_ignored() -> Iterator[None]:
    """A shell has what it starts in the background ignore SIGINT, and what that starts, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def start(*arguments: str, stdout: int = subprocess.PIPE, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`pictrs-filter` as a process of its own, with its output in a buffer, as Python has it by default."""
    command = [sys.executable, "-m", "addons.admin.cli", *arguments]
    variables = {**os.environ, "PYTHONUNBUFFERED": "", **environment}
    with subprocess.Popen(
        command, cwd=repository(), env=variables, stdout=stdout, stderr=subprocess.PIPE, encoding="utf-8"
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def whole_run(*arguments: str, stdout: int = subprocess.PIPE, **environment: str) -> tuple[int, str | None, str]:
    """(exit code, standard output, standard error)."""
    with start(*arguments, stdout=stdout, **environment) as running:
        out, err = running.communicate(timeout=SECONDS)
        return running.returncode, out, err


def help_of(capsys: Captured, *command: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [(), *((name,) for name in COMMANDS)], ids=lambda command: "".join(command) or "top"
)
def test_the_examples_of_the_help_can_be_typed(capsys: Captured, command: tuple[str, ...]) -> None:
    text = help_of(capsys, *command)
    examples = re.findall(r"^  pictrs-filter (.+?)(?: {3,}.*| > .*)?$", text, re.MULTILINE)
    assert examples
    for example in examples:
        options = parser().parse_args(shlex.split(example))
        assert options.command in (command or COMMANDS)
    assert max(map(len, text.splitlines())) <= 120


def test_the_help_names_every_command(capsys: Captured) -> None:
    text = help_of(capsys)
    assert re.findall(r"^    ([a-z]+)(?: |$)", text, re.MULTILINE) == [*COMMANDS]
    first_steps = {line.split()[1] for line in text.splitlines() if line.startswith("  pictrs-filter ")}
    assert first_steps == {*COMMANDS} - {"healthcheck"}, "that is what containers ask"


def test_a_command_line_that_is_wrong_is_exit_code_2(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bogus"])
    assert ended.value.code == 2
    assert "invalid choice: 'bogus'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["classify", "x.jpg"], ["selftest"], ["serve"], ["bench"]], ids=lambda command: command[0]
)
def test_a_bad_configuration_is_told_with_its_line(tmp_path: Path, capsys: Captured, command: list[str]) -> None:
    file = tmp_path / "filter.yaml"
    file.write_text("mode: enforce\nlimts: {}\n")
    assert main([*command, "--config", str(file)]) == 1
    said = capsys.readouterr()
    assert said.err.startswith(f"{file}:2: limts: is not a key that is known here")
    assert said.out == ""


def test_check_and_help_do_not_wait_for_torch() -> None:
    code = "import sys; from addons.admin.cli import main; main(['check']); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=repository(), stdout=subprocess.DEVNULL, check=True)


def test_check_gives_its_exit_code(tmp_path: Path, capsys: Captured) -> None:
    assert main(["check"]) == 0
    assert main(["check", str(tmp_path)]) == 1
    assert f"{tmp_path}: cannot be read: Is a directory" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:9", "http://127.0.0.1:9"),
        ("0.0.0.0:9", "http://127.0.0.1:9"),
        ("[::]:9", "http://[::1]:9"),
        ("[fe80::1]:9", "http://[fe80::1]:9"),
    ],
)
def test_where_the_self_test_looks(capsys: Captured, monkeypatch: pytest.MonkeyPatch, listen: str, url: str) -> None:
    monkeypatch.setenv("PICTRS_FILTER_LISTEN", listen)
    assert main(["selftest"]) == 1
    assert capsys.readouterr().out.startswith(f"asking {url}\n  FAILED  no answer from {url}: ")


def test_the_self_test_asks_the_address_it_is_given(capsys: Captured) -> None:
    with Recorder() as bare:
        assert main(["selftest", "--url", f"{bare.url}/"]) == 1
        assert bare.requests[0].target == "/image"
    assert "STORED" in capsys.readouterr().out


def test_the_card_is_written(tmp_path: Path) -> None:
    assert main(["selftest", "--write", str(tmp_path / "card.png")]) == 0
    assert (tmp_path / "card.png").read_bytes() == card()


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    """As `head -1` does. The first verdict comes while there are more to come, and nothing is said about the pipe."""
    picture = tmp_path / "photo.jpg"
    picture.write_bytes(plain())
    with start("classify", *[str(picture)] * 40) as running:
        assert running.stdout
        assert running.stderr
        assert running.stdout.readline() == f"{picture}: passes, no rule fires\n"
        running.stdout.close()
        assert running.wait(SECONDS) == 1
        assert re.fullmatch(r"loading open-nsfw \(configuration: .*\) \.\.\.\n", running.stderr.read())


QUICK = pytest.mark.parametrize("argument", ["check", "--help"])


@QUICK
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_output_that_cannot_be_written(argument: str) -> None:
    with open("/dev/full", "wb") as full:
        code, _, err = whole_run(argument, stdout=full.fileno())
    assert (code, err) == (1, "pictrs-filter: [Errno 28] No space left on device\n")


@QUICK
def test_output_that_nobody_reads(argument: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    code, _, err = whole_run(argument, stdout=writer)
    os.close(writer)
    assert (code, err) == (1, "")


def test_a_terminal_that_is_not_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "日本.yaml"
    file.write_text("mode: shadow\n")
    code, out, err = whole_run("check", str(file), PYTHONIOENCODING="ascii")
    assert (code, err) == (0, "")
    assert out is not None
    assert out.startswith(f"{tmp_path}/\\u65e5\\u672c.yaml: sound\n")


@pytest.fixture
def stuck(tmp_path: Path) -> str:
    """A folder for PYTHONPATH with which the import of torch never ends."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("import threading\nthreading.Event().wait()\n")
    return str(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("arguments", "announced", "codes", "last"),
    [
        pytest.param(["classify", "x.jpg"], r"loading open-nsfw .*\n", {130}, "", id="classify"),
        pytest.param(["demo"], r"loading the embedded model \.\.\.\n", {130}, "", id="demo"),
        pytest.param(
            ["bench"],
            r"loading open-nsfw .*\n",
            {130},
            r"pictrs-filter: interrupted before anything was measured\n",
            id="bench",
        ),
        pytest.param(
            ["serve", "--config", "filter.yaml"],
            r".* INFO loading nsfw \(open-nsfw\)\n",
            {0, 130},  # 130 before the launcher listens to signals itself
            r"(.* WARNING pict-rs at \S+ does not answer yet .*\n)?(.* INFO stopping: .*\n)?",
            id="serve",
        ),
    ],
)
def test_interrupted_while_the_model_loads(
    stuck: str, number: signal.Signals, arguments: list[str], announced: str, codes: set[int], last: str
) -> None:
    """It ends at once, although what loads the model does not."""
    file = own_file(Path(stuck))
    with start(
        *(str(file) if argument == file.name else argument for argument in arguments), PYTHONPATH=stuck
    ) as running:
        assert running.stderr
        assert re.fullmatch(announced, running.stderr.readline())
        running.send_signal(number)
        out, err = running.communicate(timeout=SECONDS)
        assert running.returncode in codes
    assert re.fullmatch(last, err)
    folder = re.search(r"storing into (\S+)/store", out)
    assert bool(folder) is (arguments == ["demo"])
    assert not folder or not os.path.exists(folder[1])
