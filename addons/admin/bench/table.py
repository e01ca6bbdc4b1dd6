"""What was measured, to be read: tables, and the sentence that they come to."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill

from addons.admin.bench.report import Decoding, Modelling, Report, Setup, Uploading

WIDTH = 44
"""Characters of the first column."""
LINE = 100
"""Characters of a line of prose."""


def text(report: Report) -> str:
    """All that is there so far, over several lines."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    after = "" if report.load_after is None else f" before, {report.load_after:g} after"
    yield f"machine   {report.machine.words}; load average {report.load_before:g}{after}"
    if report.setup:
        yield from _setup(report.setup)
    yield f"versions  {', '.join(f'{name} {number}' for name, number in report.versions.items())}"
    if report.decode and report.setup:
        processes = report.setup.decoder_processes
        head = f"decoding, {processes} at a time" if processes > 1 else "decoding"
        yield ""
        yield f"{head:<{WIDTH}} {'kB':>7} {'views':>6} {'pictures/s':>11} {'p50 ms':>8} {'p99 ms':>8}"
        yield from map(_decoding, report.decode)
    if report.model:
        yield ""
        yield f"{'model':<{WIDTH}} {'views/s':>7} {'ms/view':>8}"
        yield from map(_modelling, report.model)
    if report.whole:
        yield ""
        figures = " ".join(f"{name:>8}" for name in ("p50 ms", "p95 ms", "p99 ms"))
        yield f"{'whole filter, by HTTP':<{WIDTH}} {'pictures/s':>10} {figures} {'of':>6}"
        yield from map(_uploading, report.whole)
    if report.result:
        yield ""
        yield fill(report.result.assessment, LINE)
        for advice in report.result.advice:
            yield fill(advice, LINE, initial_indent="  - ", subsequent_indent="    ")
        yield "These figures hold for this machine, these settings and these pictures, and for nothing else."


def _setup(setup: Setup) -> Iterator[str]:
    models = ", ".join(f"{name} ({timm})" for name, timm in setup.models.items())
    tiles = "" if setup.tiles else "; views.tiles: false"
    confined = f" ({setup.confinement})" if setup.confinement else ""
    yield f"filter    {models} on {setup.device}; decoder.processes: {setup.decoder_processes}{confined}{tiles}"


def _decoding(row: Decoding) -> str:
    size = f"  {row.pictures:<{WIDTH - 2}} {row.mean_bytes / 1000:>7.0f}"
    if row.pace is None:
        return f"{size}  refused by these settings: {row.refused}"
    views = "-" if row.mean_views is None else f"{row.mean_views:.3g}"
    return f"{size} {views:>6} {row.pace.per_second:>11.3g} {_ms(row.pace.at(50)):>8} {_ms(row.pace.at(99)):>8}"


def _modelling(row: Modelling) -> str:
    views = "1 view a call" if row.views == 1 else f"{row.views} views a call"
    what = f"{row.model}, {views}" + (f", {row.at_once} calls at once" if row.at_once > 1 else "")
    return f"  {what:<{WIDTH - 2}} {row.per_second:>7.3g} {_ms(row.ms_per_view):>8}"


def _uploading(row: Uploading) -> str:
    what = "one upload at a time" if row.at_once == 1 else f"{row.at_once} uploads at a time"
    figures = " ".join(f"{_ms(row.pace.at(percent)):>8}" for percent in (50, 95, 99))
    late = f", {row.pace.failed} not judged" if row.pace.failed else ""
    return f"  {what:<{WIDTH - 2}} {row.pace.per_second:>10.3g} {figures} {row.pace.done:>6}{late}"


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"
