"""Variables win over the file; their problems carry their names; those of others are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.load import load
from config.settings import Mode, Settings
from tests.config.files import POLICY, Write, problems


def test_overrides_the_file(write: Write) -> None:
    path = write("listen: 127.0.0.1:1\nupstream: http://a:1\nmode: enforce\ndevice: cpu\nlog_level: debug\n")
    env = {
        "PICTRS_FILTER_LISTEN": "0.0.0.0:8080",
        "PICTRS_FILTER_UPSTREAM": "http://pictrs-upstream:8080",
        "PICTRS_FILTER_MODE": "shadow",
        "PICTRS_FILTER_DEVICE": "cuda:0",
        "PICTRS_FILTER_STATE_DIR": "/var/lib/pictrs-filter",
        "PICTRS_FILTER_CALLBACK_LISTEN": "0.0.0.0:8082",
        "PICTRS_FILTER_CALLBACK_URL": "http://filter:8082",
    }
    got = load(path, env).settings
    assert (got.listen, got.upstream) == ("0.0.0.0:8080", "http://pictrs-upstream:8080")
    assert (got.mode, got.device, got.log_level) == (Mode.SHADOW, "cuda:0", "debug")
    assert got.state_folder == Path("/var/lib/pictrs-filter")
    assert (got.callback.listen, got.callback.url) == ("0.0.0.0:8082", "http://filter:8082")


@pytest.mark.parametrize("section", ["", "callback:\n", "callback: {listen: 127.0.0.1:1}\n", "callback: {listen: }\n"])
def test_one_key_of_a_section_is_overridden(write: Write, section: str) -> None:
    got = load(write(section), {"PICTRS_FILTER_CALLBACK_LISTEN": "127.0.0.1:8084"}).settings.callback
    assert (got.listen, got.url) == ("127.0.0.1:8084", "auto")


def test_the_other_keys_of_the_section_stay(write: Write) -> None:
    path = write("callback: {listen: 127.0.0.1:1, url: 'http://filter:8082'}\n")
    got = load(path, {"PICTRS_FILTER_CALLBACK_LISTEN": "127.0.0.1:8084"}).settings.callback
    assert (got.listen, got.url) == ("127.0.0.1:8084", "http://filter:8082")


def test_a_section_that_is_none_is_told(write: Write) -> None:
    (line,) = problems(write("callback: here\n"), {"PICTRS_FILTER_CALLBACK_LISTEN": "127.0.0.1:8084"})
    assert line.startswith("1: callback: must be")


def test_names_the_file(write: Write) -> None:
    path = write("mode: shadow\n")
    config = load(None, {"PICTRS_FILTER_CONFIG": str(path)})
    assert (config.path, config.settings.mode) == (path, Mode.SHADOW)


def test_argument_wins_over_the_named_file(write: Write) -> None:
    path = write("mode: shadow\n")
    assert load(path, {"PICTRS_FILTER_CONFIG": "/nowhere"}).path == path


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        pytest.param(
            {"PICTRS_FILTER_MODE": "enfroce"},
            ["PICTRS_FILTER_MODE: must be enforce or shadow, not 'enfroce'"],
            id="value",
        ),
        pytest.param(
            {"PICTRS_FILTER_CALLBACK_LISTEN": "nowhere"},
            [
                "PICTRS_FILTER_CALLBACK_LISTEN: must be ADDRESS:PORT, for example 0.0.0.0:8080, not 'nowhere' "
                "(the address is one of this machine: 127.0.0.1, 0.0.0.0 (every one), [::1] or [::])"
            ],
            id="value in a section",
        ),
        pytest.param(
            {"PICTRS_FILTER_MODE": ""}, ["PICTRS_FILTER_MODE: is empty (give it a value, or unset it)"], id="empty"
        ),
        pytest.param(
            {"PICTRS_FILTER_CONFIG": ""},
            ["PICTRS_FILTER_CONFIG: is empty (give it a value, or unset it)"],
            id="no file",
        ),
        pytest.param(
            {"PICTRS_FILTER_UPSTREM": "http://a:1"},
            ["PICTRS_FILTER_UPSTREM: is not a variable that is known here (did you mean PICTRS_FILTER_UPSTREAM?)"],
            id="misspelt",
        ),
        pytest.param(
            {"PICTRS_FILTER_PORT": "8080"},
            [
                "PICTRS_FILTER_PORT: is not a variable that is known here (there is: PICTRS_FILTER_ADMIN_LISTEN, "
                "PICTRS_FILTER_CALLBACK_LISTEN, PICTRS_FILTER_CALLBACK_URL, PICTRS_FILTER_CONFIG, "
                "PICTRS_FILTER_DEVICE, PICTRS_FILTER_LISTEN, PICTRS_FILTER_MODE, PICTRS_FILTER_STATE_DIR, "
                "PICTRS_FILTER_UPSTREAM)"
            ],
            id="port, not of Kubernetes",
        ),
        pytest.param(
            {"PICTRS_FILTER_LISTEN": "127.0.0.1:8080"},
            [
                "upstream: must not be the address that the filter itself listens on (127.0.0.1:8080), not "
                "'http://127.0.0.1:8080' (give pict-rs and the filter different ports, or different machines)"
            ],
            id="loop by listen",
        ),
        pytest.param(
            {"PICTRS_FILTER_UPSTREAM": "http://127.0.0.1:8081"},
            [
                "PICTRS_FILTER_UPSTREAM: must not be the address that the filter itself listens on "
                "(127.0.0.1:8081), not 'http://127.0.0.1:8081' "
                "(give pict-rs and the filter different ports, or different machines)"
            ],
            id="loop by upstream",
        ),
    ],
)
def test_problem(write: Write, env: dict[str, str], expected: list[str]) -> None:
    assert problems(write(""), env) == expected


def test_problems_come_after_those_of_the_file(write: Write) -> None:
    env = {"PICTRS_FILTER_DEVICE": "gpu", "PICTRS_FILTER_XYZ": "1"}
    assert [line.partition(": must")[0].partition(": is")[0] for line in problems(write("mode: x\n"), env)] == [
        "1: mode",
        "PICTRS_FILTER_DEVICE",
        "PICTRS_FILTER_XYZ",
    ]


def test_are_told_beside_a_file_that_is_missing(tmp_path: Path) -> None:
    assert len(problems(tmp_path / "no.yaml", {"PICTRS_FILTER_XYZ": "1"})) == 2


@pytest.mark.parametrize("value", ["mode: x", "mode: "])
def test_value_in_the_file_that_is_overridden_does_not_matter(write: Write, value: str) -> None:
    assert load(write(f"{value}\n"), {"PICTRS_FILTER_MODE": "shadow"}).settings.mode is Mode.SHADOW


def test_what_the_file_itself_has_wrong_keeps_its_line(write: Write) -> None:
    path = write("mode: enforce\nmode: shadow\n")
    expected = ["2: mode: must not stand twice (first in line 1) (delete one of them)"]
    assert problems(path, {"PICTRS_FILTER_MODE": "shadow"}) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PICTRS_FILTER_REAL", "/x"),
        ("PICTRS_FILTER_REAL_REQUIRED", "1"),
        ("PICTRS_FILTER_SERVICE_HOST", "10.0.0.1"),
        ("PICTRS_FILTER_SERVICE_PORT", "8080"),
        ("PICTRS_FILTER_SERVICE_PORT_HTTP", "8080"),
        ("PICTRS_FILTER_PORT", "tcp://10.0.0.1:8080"),
        ("PICTRS_FILTER_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("PICTRS_FILTER_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("PICTRS_FILTER_WEB_SERVICE_HOST", "10.0.0.1"),
        ("PICTRS_FILTER_WEB_PORT", "tcp://10.0.0.1:8080"),
        ("PICTRS_UPSTREAM", "not ours"),
        ("pictrs_filter_mode", "not ours"),
    ],
)
def test_variable_of_others_is_left_alone(write: Write, name: str, value: str) -> None:
    assert load(write(""), {name: value}).settings == Settings()


def test_mode_from_the_environment_decides_whether_a_rule_must_reject(write: Write) -> None:
    path = write(POLICY.replace("reject", "log"))
    assert load(path, {"PICTRS_FILTER_MODE": "shadow"}).settings.mode is Mode.SHADOW
    path = write("mode: shadow\n" + POLICY.replace("reject", "log"))
    (line,) = problems(path, {"PICTRS_FILTER_MODE": "enforce"})
    assert line.startswith("4: rules: must have a rule that rejects")


def test_is_the_process_s_own_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTRS_FILTER_DEVICE", "cpu")
    assert load().settings.device == "cpu"
