"""Where the measuring is: a bar on a terminal, a line a step elsewhere."""

from __future__ import annotations

import io

from addons.admin.bench.progress import ERASE, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_a_step_where_nobody_looks_on() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.begin("one")
    progress.at(0.5)
    progress.end("3 a second")
    progress.begin("two")
    progress.end()
    progress.begin("three")
    progress.clear()
    assert stream.getvalue() == "one: 3 a second\ntwo\n"


def test_a_bar_on_a_terminal() -> None:
    stream, clock = Terminal(), Clock()
    progress = Progress(stream, clock)
    progress.begin("one")
    clock.now = 1.0
    progress.at(0.5)
    progress.at(0.6)  # too soon to be drawn
    progress.end("3 a second")
    drawn = [f"[{'.' * 20}] one", f"[{'#' * 10}{'.' * 10}] one", "one: 3 a second\n"]
    assert stream.getvalue().split(ERASE) == ["", *drawn]


def test_a_bar_is_taken_away_before_something_else_is_said() -> None:
    stream = Terminal()
    progress = Progress(stream)
    progress.clear()
    assert stream.getvalue() == ""
    progress.begin("one")
    progress.clear()
    assert stream.getvalue().endswith(f"one{ERASE}")
