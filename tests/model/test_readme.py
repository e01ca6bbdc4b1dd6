"""Parts of the README are rewritten between their marks, and nothing else."""

from __future__ import annotations

import pytest

from model.readme import README, rewritten


def test_only_the_part_between_the_marks_is_rewritten() -> None:
    assert rewritten("a\n(\nold\n)\nb", "(", ")", "new") == "a\n(\n\nnew\n\n)\nb"


@pytest.mark.parametrize("readme", ["", "(", ")", "(()", "())", ")("])
def test_a_readme_without_the_marks_is_not_touched(readme: str) -> None:
    with pytest.raises(ValueError, match="marks"):
        rewritten(readme, "(", ")", "new")


def test_it_is_the_projects_own() -> None:
    assert README.read_text(encoding="utf-8").startswith("# pictrs-filter\n")
