"""The README's table of formats is the format table's."""

from __future__ import annotations

from model.formats.media import MEDIA_TYPES
from model.manual import rewrite, table
from model.readme import README


def test_the_readme_is_what_the_table_says() -> None:
    readme = README.read_text(encoding="utf-8")
    assert rewrite(readme) == readme, "python -m model.manual"


def test_a_line_for_each_format_that_is_judged_with_all_that_is_told_of_it() -> None:
    lines = table().splitlines()[2:]
    judged = [media for media in MEDIA_TYPES if media.judged]
    assert len(lines) == len(judged) == 8
    for line, media in zip(lines, judged, strict=True):
        assert line.count("|") == 6
        for told in (media.title, media.begins, media.accepted, media.refused):
            assert told
            assert f" {told} |" in line
