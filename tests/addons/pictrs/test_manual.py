"""The README's table of routes is the route table's."""

from __future__ import annotations

from addons.pictrs.manual import BEGIN, END, rewrite, table
from addons.pictrs.table import INGEST, OPERATIONS, ROUTES
from model.readme import README


def test_the_readme_is_what_the_table_says() -> None:
    readme = README.read_text(encoding="utf-8")
    assert rewrite(readme) == readme, "python -m addons.pictrs.manual"


def test_the_table_has_a_line_for_each_row_and_every_key() -> None:
    lines = [line for line in table().splitlines() if line.startswith("| `")]
    assert len(lines) == len(ROUTES)
    for line, route in zip(lines, ROUTES, strict=True):
        assert line.count("|") == 4
        for said in (
            *route.methods,
            route.path,
            route.versions,
            route.note,
            *(f"`{k}=`" for k in route.grammar.one_of),
        ):
            assert said in line
    for key in (*INGEST, *OPERATIONS):
        assert f"`{key}`" in table()


def test_only_the_part_between_the_marks_is_rewritten() -> None:
    assert rewrite(f"a\n{BEGIN}\nold\n{END}\nb {END[:5]}\n") == f"a\n{BEGIN}\n\n{table()}\n\n{END}\nb {END[:5]}\n"
