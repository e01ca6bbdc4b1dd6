"""`pictrs-filter check`: what it says of a sound configuration, and that every fault is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.admin.check import check


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "LISTEN", "UPSTREAM", "MODE", "DEVICE"):
        monkeypatch.delenv(f"PICTRS_FILTER_{name}", raising=False)


def write(folder: Path, text: str) -> Path:
    file = folder / "filter.yaml"
    file.write_text(text)
    return file


def test_the_shipped_configuration_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(None) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("default.yaml: sound")
    assert lines[1:3] == [
        "  listens on 127.0.0.1:8081, pict-rs at http://127.0.0.1:8080, mode enforce",
        "  models: nsfw (open-nsfw)",
    ]
    assert lines[3].startswith("  rules: explicit (reject), borderline (log); policy ")
    assert len(lines) == 4  # nothing to note


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("mode: shadow\n", "in shadow mode nothing is refused but the self-test card"),
        ("failure: {deadline: pass, decoder: pass}\n", "files pass without a verdict on: decoder, deadline (they"),
    ],
)
def test_what_is_worth_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, note: str) -> None:
    file = write(tmp_path, text)
    assert check(file) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{file}: sound\n")
    assert f"  note: {note}" in said


def test_every_fault_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "mode: on\nlimts: {}\n")
    assert check(file) == 1
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{file}:1: mode: must be enforce or shadow")
    assert second.startswith(f"{file}:2: limts: is not a key that is known here (did you mean limits?)")
    assert last == "2 problems; the filter would not start"


def test_one_fault_is_one_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path / "missing.yaml") == 1
    first, last = capsys.readouterr().out.splitlines()
    assert "missing.yaml: cannot be read: No such file or directory" in first
    assert last == "1 problem; the filter would not start"


def test_the_environment_counts_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PICTRS_FILTER_CONFIG", str(write(tmp_path, "mode: shadow\n")))
    monkeypatch.setenv("PICTRS_FILTER_UPSTREAM", "http://pictrs-upstream:8080")
    assert check(None) == 0
    assert "pict-rs at http://pictrs-upstream:8080, mode shadow" in capsys.readouterr().out


def test_rules_are_told_with_what_is_odd_about_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shared = tmp_path / "shared.txt"
    shared.write_text("# nothing yet\n")
    file = write(
        tmp_path,
        """
models: {nsfw: {timm: open-nsfw}}
signals: {nsfw: {model: nsfw, label: nsfw}}
lists: {shared: {file: FOLDER/shared.txt}, friends: {url: 'https://example.org/list.txt'}}
rules:
  - {name: high, when: {signal: nsfw, at_least: 0.9}}
  - {name: trusted, when: {list: shared}, action: allow}
  - {name: known, when: {list: friends}, action: reject, sources: [proxy, fetch]}
  - {name: dry, when: {rule: high}, action: reject, sources: [upload], shadow: true}
""".replace("FOLDER", str(tmp_path)),
    )
    assert check(file) == 0
    said = capsys.readouterr().out
    told = ("high (a name for others)", "trusted (allow)", "known (reject, for proxy and fetch)")
    assert f"rules: {', '.join(told)}, dry (reject, in shadow mode, for upload); policy " in said
    assert f"lists: shared ({shared}), friends (https://example.org/list.txt)" in said
    assert "note: no rule is for files from: import, hook (`sources:`); of these only your lists refuse" in said


LISTS = """
models: {nsfw: {timm: open-nsfw}}
signals: {nsfw: {model: nsfw, label: nsfw}}
lists: {gone: {file: FOLDER/gone.txt}, folder: {file: FOLDER}, theirs: {url: 'https://example.org/list.txt'}}
rules:
  - {name: known, when: {any: [{list: gone}, {list: folder}, {list: theirs}]}, action: reject}
  - {name: high, when: {signal: nsfw, at_least: 0.9}, action: reject}
"""


def test_a_named_list_that_cannot_be_read_is_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, LISTS.replace("FOLDER", str(tmp_path)))
    assert check(file) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{file}: lists.gone: {tmp_path}/gone.txt: cannot be read: No such file or directory",
        f"{file}: lists.folder: {tmp_path}: cannot be read: it is not an ordinary file",
        "2 problems; the filter would not start",
    ]


def test_a_preset_is_pinned_in_a_copy(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(Path("preset:hub-marqo")) == 0
    copied = "copy it first (`pictrs-filter presets show hub-marqo > filter.yaml`), then run "
    assert f"{copied}`pictrs-filter models pin --config filter.yaml`" in capsys.readouterr().out
