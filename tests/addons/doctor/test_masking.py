"""Nothing secret leaves the doctor, whatever a check puts into a finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.doctor.finding import Finding, Severity
from addons.doctor.masking import MASK, MAX_SECRET_BYTES, mask, masked, secrets_of
from tests.addons.doctor.wards import Ward


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:hunter2@pictrs:8080/x", f"http://{MASK}@pictrs:8080/x"),
        ("postgres://lemmy:p%40ss@db/lemmy and http://x@y/", f"postgres://{MASK}@db/lemmy and http://{MASK}@y/"),
        ("postgres://lemmy:p@ss@db/lemmy", f"postgres://{MASK}@db/lemmy"),
        ("http://pictrs:8080/a?b=c@d", "http://pictrs:8080/a?b=c@d"),
        ("PICTRS__SERVER__API_KEY=abc123", f"PICTRS__SERVER__API_KEY={MASK}"),
        ("PICTRS__SERVER__API_KEY: 'a b c'", f"PICTRS__SERVER__API_KEY: {MASK}"),
        ('{"api_key": "abc", "x": 1}', f'{{"api_key": {MASK}, "x": 1}}'),
        ("x-api-token: abc, next", f"x-api-token: {MASK}, next"),
        ("https://example.org/list?token=abc&page=2", f"https://example.org/list?token={MASK}&page=2"),
        ("POSTGRES_PASSWORD=abc; SECRET=def", f"POSTGRES_PASSWORD={MASK}; SECRET={MASK}"),
        ("nothing to hide: upstream http://pictrs-upstream:8080", None),
        ("PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS=true", None),
        ("PICTRS__MEDIA__EXTERNAL_VALIDATION=http://172.18.0.2:8082/validate", None),
    ],
)
def test_by_its_form(text: str, shown: str | None) -> None:
    assert mask(text) == (text if shown is None else shown)


def test_a_known_text_wherever_it_stands() -> None:
    assert mask("it said: hunter22-and-more; hunter22", ("hunter22", "hunter22-and")) == f"it said: {MASK}-more; {MASK}"


def test_each_part_of_a_finding() -> None:
    finding = Finding("check", Severity.NOTE, "what hunter2", "why hunter2", "cure hunter2")
    assert masked(finding, ("hunter2",)) == Finding(
        "check", Severity.NOTE, f"what {MASK}", f"why {MASK}", f"cure {MASK}"
    )


def test_what_a_configuration_keeps_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef-token\n")
    (tmp_path / "secret").write_text("0123456789abcdef-secret")
    more = f"notify: {{url: 'https://hooks.example/api/1/hush', secret_file: {tmp_path}/secret}}\n"
    ward = Ward(tmp_path, "http://127.0.0.1:1", more)
    text = ward.path.read_text().replace("{listen: off}", f"{{listen: off, token_file: {tmp_path}/token}}")
    ward.path.write_text(text)
    assert secrets_of(ward.config.settings) == ("0123456789abcdef-token", "0123456789abcdef-secret", "api/1/hush")
    assert mask("told https://hooks.example/api/1/hush", secrets_of(ward.config.settings)).endswith(f"example/{MASK}")


@pytest.mark.parametrize("content", [b"", b"abc", None])
def test_a_file_without_a_secret_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    ward = Ward(tmp_path, "http://127.0.0.1:1")
    ward.path.write_text(ward.path.read_text().replace("listen: off", f"listen: off, token_file: {tmp_path}/token"))
    assert secrets_of(ward.config.settings) == ()


def test_of_a_large_file_only_the_beginning_is_read(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x" * (MAX_SECRET_BYTES + 1))
    ward = Ward(tmp_path, "http://127.0.0.1:1")
    ward.path.write_text(ward.path.read_text().replace("listen: off", f"listen: off, token_file: {tmp_path}/token"))
    assert [len(text) for text in secrets_of(ward.config.settings)] == [MAX_SECRET_BYTES]
