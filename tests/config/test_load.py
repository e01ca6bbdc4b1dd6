"""Files that must load (good/), files that must not (bad/, each with the messages it must give), and the hash."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from config.condition import Condition
from config.document import MAX_FILE_BYTES
from config.load import DEFAULT, Config, load, policy_hash
from config.media import OnFailure
from config.policy import Action, PolicySpec
from config.problems import ConfigError
from config.settings import Mode, Overload, Settings
from tests.config.files import POLICY, Write, problems

HERE = Path(__file__).parent
GOOD = sorted((HERE / "good").glob("*.yaml"))
BAD = sorted((HERE / "bad").glob("*.yaml"))


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
    "admin": lambda got: got.settings.admin.address is None and got.settings.admin.hosts == ("filter.lan",),
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
        and got.policy.rules[0].when == Condition(signal="hub-nsfw", above=0.5, at_most=1)
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
    "proxied": lambda got: (
        (got.settings.callback_address, got.settings.callback.url) == (("0.0.0.0", 8082), "http://pictrs-filter:8082")
        and (got.settings.state_dir, got.settings.internal_api) == ("/state", ("import", "limits"))
        and got.settings.overload == Overload(media_requests=1, media_mib=64, requests=4)
        and (got.settings.cache.verdicts, got.settings.cache.addresses) == (0, 0)
        and repr(got.settings.cache.verdict_seconds) == "0.5"
        and repr(got.settings.cache.refused_seconds) == "1.0"
    ),
    "nothing-internal": lambda got: got.settings.internal_api == (),
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
