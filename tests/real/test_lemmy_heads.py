"""That the table of Lemmy's requests is whole, and written as its HTTP libraries write."""

from __future__ import annotations

from tests.pictrs import API_KEY, VERSIONS
from tests.real import lemmy_heads
from tests.real.lemmy_heads import HEADS, PICTRS, V1, V13, V15, Does


def test_the_table_is_what_it_says() -> None:
    assert lemmy_heads.API_KEY == API_KEY
    for version in VERSIONS:
        assert version in {each for behind in PICTRS.values() for each in behind}
    for head in HEADS:
        names = [line.partition(":")[0] for line in head.lines.split("\n")[1:]]
        assert names == [name.lower() for name in names]  # as hyper and awc write them
        assert "host" in names
    for does in Does:
        assert any(head.does is does for head in HEADS)


def test_old_lemmys_are_in_the_table_with_both_libraries() -> None:
    uploads = {head.lemmy: head.lines for head in HEADS if head.does is Does.UPLOAD}
    assert set(uploads) == set(PICTRS)
    assert "transfer-encoding: chunked" in uploads[V13]
    assert "content-length: {length}" in uploads[V15]
    assert "resize=1024" in uploads[V1]
