"""File names in a body that goes on: plain ones alone, since that of an import becomes an alias."""

from __future__ import annotations

import pytest

from addons.pictrs.multipart import SAFE_FILENAME, Part, parse, serialise
from tests.addons.pictrs import actix


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a b", "a/b", 'a"', "a\\", "a;b", "a%22", "a\r\nX: y", "a\n", "\xe4", "a" * 129],
    ids=repr,
)  # fmt: skip
def test_only_a_plain_file_name_is_written(name: str) -> None:
    with pytest.raises(ValueError, match="is not a plain file name"):
        serialise([Part(SAFE_FILENAME, "image/png", b"A"), Part(name, "image/png", b"B")])


@pytest.mark.parametrize("name", ["a", "Alias-1_b.png", "...", "a..", "-", "9", "a" * 128])
def test_file_names_are_written_as_given(name: str) -> None:
    content_type, body = serialise([Part(name, "image/png", b"A")])
    assert f'; filename="{name}"\r\n'.encode() in body
    assert [one.filename for one in parse([content_type.encode()], body, max_files=1, max_file_bytes=1)] == [name]
    for release in actix.RELEASES:
        assert [one.filename for one in actix.read([content_type.encode()], body, release).fields] == [name]
