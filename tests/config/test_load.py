"""Files that must load (good/), files that must not (bad/, each with the messages it must give), environment, hash."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from config.document import MAX_FILE_BYTES
from config.load import DEFAULT, SECTIONS, Config, load, policy_hash
from config.policy import Action, Bound, PolicySpec
from config.problems import ConfigError
from config.settings import Mode, OnFailure, Settings

HERE = Path(__file__).parent
GOOD = sorted((HERE / "good").glob("*.yaml"))
BAD = sorted((HERE / "bad").glob("*.yaml"))
POLICY = """\
models: {nsfw: {timm: open-nsfw}}
signals: {nsfw: {model: nsfw, label: nsfw}}
rules: [{name: explicit, when: {signal: nsfw, at_least: 0.85}, action: reject}]
"""

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "config.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def problems(path: Path | None, env: dict[str, str] | None = None) -> list[str]:
    """What is wrong, a line each, without the file's name."""
    with pytest.raises(ConfigError) as raised:
        load(path, env or {})
    assert raised.value.problems, "an error that says nothing helps nobody"
    lines = str(raised.value).split("\n")
    return [line.removeprefix(str(path)).removeprefix(":").strip() for line in lines]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_file_gives_exactly_the_messages_of_its_first_lines(path: Path) -> None:
    expected = re.findall(r"^# expect: (.*)$", path.read_text(), re.MULTILINE)
    assert expected
    assert problems(path) == expected


GOOD_VALUES: dict[str, Callable[[Config], object]] = {
    "empty": lambda got: got.settings == Settings() and got.policy == load(None, {}).policy,
    "container": lambda got: (
        (got.settings.listen_address, got.settings.upstream, got.settings.upstream_address)
        == (("0.0.0.0", 8080), "http://pictrs-upstream:8080", ("pictrs-upstream", 8080))
        and (got.settings.mode, got.settings.device, got.settings.log_level) == (Mode.SHADOW, "cuda:1", "debug")
    ),
    "ipv6": lambda got: (
        (got.settings.listen_address, got.settings.upstream_address) == (("::1", 8080), ("fd00::5", 80))
        and got.settings.fetch.allow_networks == ("127.0.0.0/8", "fd00::/8")
    ),
    "whole-numbers": lambda got: (
        [repr(got.settings.deadline_seconds), repr(got.settings.fetch.idle_seconds)] == ["9.0", "1.0"]
        and repr(got.policy.rules[0].when.at_least) == "1.0"
    ),
    "own-models": lambda got: (
        list(got.policy.models) == ["hub", "folder", "registered"]
        and got.policy.models["hub"].revision == "0123456789abcdef0123456789abcdef01234567"
        and got.policy.models["folder"].labels == ("cat", "dog", "no")
        and got.policy.signals["pets"].label_names == ("cat", "dog")
        and got.policy.signals["no"].label_names == ("no",)
        and got.policy.rules[0].when == Bound(signal="hub-nsfw", above=0.5, at_most=1)
        and [rule.action for rule in got.policy.rules] == [Action.REJECT, Action.LOG, Action.REJECT, Action.LOG]
    ),
    "open-nsfw-labels": lambda got: got.policy.signals["either"].label_names == ("sfw", "nsfw"),
    "commented-out": lambda got: (
        got.settings.limits == Settings().limits
        and (got.settings.failure.classifier, got.settings.failure.decoder) == (OnFailure.PASS, OnFailure.REFUSE)
    ),
    "log-only": lambda got: [rule.action for rule in got.policy.rules] == [Action.LOG],
    "limits": lambda got: (
        (got.settings.limits.max_file_bytes, got.settings.limits.max_area_pixels) == (2**30, 4096)
        and (got.settings.limits.max_side_pixels, got.settings.limits.max_frames) == (65_535, 50)
        and (got.settings.fetch.ports, got.settings.fetch.max_redirects) == ((1, 65_535), 0)
    ),
    "windows": lambda got: (got.settings.mode, got.settings.limits.max_files) == (Mode.SHADOW, 2),
}


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_file_loads_as_it_says(path: Path) -> None:
    config = load(path, {})
    assert GOOD_VALUES[path.stem](config) is True
    assert config.path == path


def test_every_good_file_is_there() -> None:
    assert {path.stem for path in GOOD} == set(GOOD_VALUES)
    assert len(BAD) >= 100


class TestManual:
    """default.yaml: what it says is what holds without it."""

    def test_is_loaded_when_nothing_is_named_and_equals_the_defaults(self) -> None:
        config = load(None, {})
        assert config.path == DEFAULT
        assert config.settings == Settings()

    def test_has_the_default_policy(self) -> None:
        policy = load(None, {}).policy
        assert {name: model.timm for name, model in policy.models.items()} == {"nsfw": "open-nsfw"}
        assert {name: signal.label_names for name, signal in policy.signals.items()} == {"nsfw": ("nsfw",)}
        assert [(rule.name, rule.when.at_least, rule.when.below, rule.action) for rule in policy.rules] == [
            ("explicit", 0.85, None, Action.REJECT),
            ("borderline", 0.60, 0.85, Action.LOG),
        ]

    def test_names_every_field_of_every_section_with_its_default(self) -> None:
        written = yaml.safe_load(DEFAULT.read_text())
        assert set(written) == set(Settings.model_fields) | set(PolicySpec.model_fields)
        self.compare(Settings(), {name: written[name] for name in Settings.model_fields})

    def compare(self, section: BaseModel, written: dict[str, object]) -> None:
        assert set(written) == set(type(section).model_fields), type(section).__name__
        for name, value in section:
            if isinstance(value, BaseModel):
                inner = written[name]
                assert isinstance(inner, dict)
                self.compare(value, inner)
            else:
                assert written[name] == (list(value) if isinstance(value, tuple) else value), name

    def test_explains_every_field(self) -> None:
        """Each setting, and each section of them, has a comment behind it or in the line above."""
        lines = DEFAULT.read_text().partition("\nmodels:")[0].splitlines()
        settings = [(above, line) for above, line in pairwise(lines) if re.match(r" *[a-z_]+:", line)]
        assert len(settings) == 6 + 4 + sum(len(section.model_fields) for section in SECTIONS.values())
        assert [line for above, line in settings if "  # " not in line and not above.startswith("# ")] == []

    def test_fits_in_a_hundred_lines_and_promises_nothing(self) -> None:
        text = DEFAULT.read_text()
        assert len(text.splitlines()) <= 100
        assert "not a finding" in text
        assert max(map(len, text.splitlines())) <= 120


class TestFile:
    """The file as such: where it is, how large, in which encoding."""

    def test_missing(self, tmp_path: Path) -> None:
        assert problems(tmp_path / "no.yaml") == [
            "cannot be read: No such file or directory "
            "(name a file that can be read, or unset PICTRS_FILTER_CONFIG to get the shipped defaults)"
        ]

    def test_folder(self, tmp_path: Path) -> None:
        assert problems(tmp_path) == [
            "cannot be read: Is a directory (Docker makes a folder in place of a mounted file that is missing)"
        ]

    def test_name_that_no_file_can_have(self) -> None:
        assert problems(Path("a\0b"))[0].startswith("cannot be read: embedded null byte")

    def test_largest_size(self, write: Write) -> None:
        assert load(write(b"#" * MAX_FILE_BYTES), {}).settings == Settings()

    def test_one_byte_larger(self, write: Write) -> None:
        assert problems(write(b"#" * (MAX_FILE_BYTES + 1))) == [
            "is larger than 1048576 bytes (is this the right file?)"
        ]

    @pytest.mark.parametrize(
        ("content", "line"),
        [
            pytest.param("mode: shadow\n# käse\n".encode("latin-1"), 2, id="latin-1"),
            pytest.param("mode: shadow\n".encode("utf-16"), 1, id="utf-16"),
        ],
    )
    def test_not_utf_8(self, write: Write, content: bytes, line: int) -> None:
        assert problems(write(content)) == [f"{line}: is not UTF-8 text (save it as UTF-8 in your editor)"]

    @pytest.mark.parametrize("content", ["", "\n", "---\n", "# only this\n", "---\n# and this\n...\n"])
    def test_empty_is_all_defaults(self, write: Write, content: str) -> None:
        config = load(write(content), {})
        assert (config.settings, config.policy) == (Settings(), load(None, {}).policy)

    def test_error_names_file_and_line(self, write: Write) -> None:
        path = write("\nmode: on\n")
        with pytest.raises(ConfigError) as raised:
            load(path, {})
        (problem,) = raised.value.problems
        assert (problem.file, problem.line, problem.where) == (str(path), 2, "mode")
        assert str(raised.value) == f"{path}:2: mode: must be enforce or shadow, not on"

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param("limits: {max_files: " + "9" * 5000 + "}\n", id="more digits than Python reads"),
            pytest.param('"\\UFFFFFFFF": 1\n', id="escape beyond unicode"),
            pytest.param('device: "\\ud800"\n', id="half a character"),
            pytest.param('"\\ud800": 1\n', id="half a character as a key"),
            pytest.param('models: {"\\ud800": {timm: a}}\nsignals: {}\nrules: []\n', id="half a character as a name"),
            pytest.param("%YAML 1." + "9" * 5000 + "\n---\n", id="endless version"),
            pytest.param("limits: {max_files: 0x_}\n", id="digits without a digit"),
            pytest.param("deadline_seconds: ._\n", id="point without a digit"),
            pytest.param("a: &a [*a]\n", id="alias to itself"),
            pytest.param("rules: [" + "a," * 20_000 + "]\n", id="very many mistakes"),
        ],
    )
    def test_odd_text_is_told_and_not_raised(self, write: Write, content: str) -> None:
        assert problems(write(content))


class TestEnvironment:
    """Variables win over the file; their problems carry their names."""

    def test_overrides_the_file(self, write: Write) -> None:
        path = write("listen: 127.0.0.1:1\nupstream: http://a:1\nmode: enforce\ndevice: cpu\nlog_level: debug\n")
        env = {
            "PICTRS_FILTER_LISTEN": "0.0.0.0:8080",
            "PICTRS_FILTER_UPSTREAM": "http://pictrs-upstream:8080",
            "PICTRS_FILTER_MODE": "shadow",
            "PICTRS_FILTER_DEVICE": "cuda:0",
        }
        got = load(path, env).settings
        assert (got.listen, got.upstream) == ("0.0.0.0:8080", "http://pictrs-upstream:8080")
        assert (got.mode, got.device, got.log_level) == (Mode.SHADOW, "cuda:0", "debug")

    def test_names_the_file(self, write: Write) -> None:
        path = write("mode: shadow\n")
        config = load(None, {"PICTRS_FILTER_CONFIG": str(path)})
        assert (config.path, config.settings.mode) == (path, Mode.SHADOW)

    def test_argument_wins_over_the_named_file(self, write: Write) -> None:
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
                    "PICTRS_FILTER_PORT: is not a variable that is known here (there is: PICTRS_FILTER_CONFIG, "
                    "PICTRS_FILTER_DEVICE, PICTRS_FILTER_LISTEN, PICTRS_FILTER_MODE, PICTRS_FILTER_UPSTREAM)"
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
    def test_problem(self, write: Write, env: dict[str, str], expected: list[str]) -> None:
        assert problems(write(""), env) == expected

    def test_problems_come_after_those_of_the_file(self, write: Write) -> None:
        env = {"PICTRS_FILTER_DEVICE": "gpu", "PICTRS_FILTER_XYZ": "1"}
        assert [line.partition(": must")[0].partition(": is")[0] for line in problems(write("mode: x\n"), env)] == [
            "1: mode",
            "PICTRS_FILTER_DEVICE",
            "PICTRS_FILTER_XYZ",
        ]

    def test_are_told_beside_a_file_that_is_missing(self, tmp_path: Path) -> None:
        assert len(problems(tmp_path / "no.yaml", {"PICTRS_FILTER_XYZ": "1"})) == 2

    @pytest.mark.parametrize("value", ["mode: x", "mode: "])
    def test_value_in_the_file_that_is_overridden_does_not_matter(self, write: Write, value: str) -> None:
        assert load(write(f"{value}\n"), {"PICTRS_FILTER_MODE": "shadow"}).settings.mode is Mode.SHADOW

    def test_what_the_file_itself_has_wrong_keeps_its_line(self, write: Write) -> None:
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
    def test_variable_of_others_is_left_alone(self, write: Write, name: str, value: str) -> None:
        assert load(write(""), {name: value}).settings == Settings()

    def test_mode_from_the_environment_decides_whether_a_rule_must_reject(self, write: Write) -> None:
        path = write(POLICY.replace("reject", "log"))
        assert load(path, {"PICTRS_FILTER_MODE": "shadow"}).settings.mode is Mode.SHADOW
        path = write("mode: shadow\n" + POLICY.replace("reject", "log"))
        (line,) = problems(path, {"PICTRS_FILTER_MODE": "enforce"})
        assert line.startswith("4: rules: must have a rule that rejects")

    def test_is_the_process_s_own_by_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PICTRS_FILTER_DEVICE", "cpu")
        assert load().settings.device == "cpu"


class TestHash:
    """The policy's hash: the same for the same policy, however it is written."""

    def test_is_sha_256_in_hex(self) -> None:
        assert re.fullmatch("[0-9a-f]{64}", load(None, {}).hash)

    def test_is_that_of_the_shipped_policy(self) -> None:
        """A change of this value is a change of every operator's log: it must be meant."""
        assert load(None, {}).hash == "f80ad202decda89b65c56f31955e1bb303a77d935c695aae48ab3329eb51bad7"

    @pytest.mark.parametrize(
        "same",
        [
            pytest.param("# comment\n" + POLICY, id="comment"),
            pytest.param("mode: shadow\ndevice: cpu\n" + POLICY, id="settings"),
            pytest.param(POLICY.replace("0.85", "0.850"), id="digits"),
            pytest.param("\n".join(reversed(POLICY.splitlines())) + "\n", id="order of keys at the top"),
            pytest.param(
                POLICY.replace("{signal: nsfw, at_least: 0.85}", "{at_least: 0.85, signal: nsfw}"), id="order of keys"
            ),
            pytest.param(
                "models:\n  nsfw:\n    timm: 'open-nsfw'\nsignals:\n  nsfw:\n    model: nsfw\n    label: \"nsfw\"\n"
                "rules:\n  - name: explicit\n    action: reject\n    when:\n      signal: nsfw\n      at_least: .85\n",
                id="block style",
            ),
        ],
    )
    def test_stays(self, write: Write, same: str) -> None:
        expected = load(write(POLICY), {}).hash
        assert load(write(same), {}).hash == expected

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(POLICY.replace("0.85", "0.86"), id="threshold"),
            pytest.param(POLICY.replace("at_least", "above"), id="bound"),
            pytest.param(POLICY.replace("explicit", "other"), id="name of a rule"),
            pytest.param(POLICY.replace("label: nsfw", "label: sfw"), id="label"),
            pytest.param(POLICY.replace("open-nsfw", "resnet50"), id="model"),
        ],
    )
    def test_changes(self, write: Write, other: str) -> None:
        first = load(write(POLICY), {}).hash
        assert load(write(other), {}).hash != first

    def test_changes_with_the_order_of_rules(self, write: Write) -> None:
        policy = load(None, {}).policy
        turned = PolicySpec(models=policy.models, signals=policy.signals, rules=policy.rules[::-1])
        assert policy_hash(turned) != policy_hash(policy)

    def test_whole_and_broken_number_are_the_same(self, write: Write) -> None:
        one = load(write(POLICY.replace("0.85", "1")), {}).hash
        assert load(write(POLICY.replace("0.85", "1.0")), {}).hash == one


MANUAL = DEFAULT.read_text()
ODD = st.sampled_from(
    [*":-[]{}&*!|>'\"%@`#,?~<", "\t", "\n", "\n  ", "<<: ", "null", "yes", "1:30", "010", ".nan", "- "]
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """The manual with a few pieces cut out, doubled or put in."""
    text = MANUAL
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 40))
        text = text[:start] + draw(st.one_of(ODD, st.text(max_size=4), st.just(text[start:end] * 2))) + text[end:]
    return text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200), damaged()))
@example(content="[" * 1000)
@example(content="- " * 1000)
@example(content="? " * 1000)
def test_any_content_loads_or_is_a_config_error(write: Write, content: str | bytes) -> None:
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    path = write(content)
    try:
        found = None
        assert len(load(path, {}).hash) == 64
    except ConfigError as error:
        found = error.problems
    assert found != ()
    for problem in found or ():
        assert problem.file == str(path)
        assert str(problem).isprintable(), "one line that a terminal only shows"
