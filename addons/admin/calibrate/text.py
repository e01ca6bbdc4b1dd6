"""A calibration to be read on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import fill

from addons.admin.calibrate.calibration import Calibration, OfSignal
from addons.admin.calibrate.rates import Rate, Share
from addons.admin.calibrate.scores import Scored
from addons.admin.calibrate.words import advice, counted, percent, skipped
from addons.admin.files import printable

LINE = 110
"""Characters of a line of prose."""


def text(calibration: Calibration) -> str:
    """All of it, over several lines."""
    return "\n".join(_lines(calibration))


def worst(signal: str, files: Sequence[tuple[Path, Scored]]) -> str:
    """The files with the highest scores, to be looked at."""
    lines = [f"highest {signal}: look at these; one that should be refused does not belong among innocent pictures"]
    for path, scored in files:
        whole, part = (f"{of[signal]:.4f}" if signal in of else "-" for of in (scored.scores, scored.in_part))
        lines.append(f"  {whole:>7}  in a part {part:>7}  {printable(str(path))}")
    return "\n".join(lines)


def _lines(calibration: Calibration) -> Iterator[str]:
    yield f"{calibration.source}; policy {calibration.policy[:8]} ({calibration.configuration})"
    without = skipped(calibration)
    yield f"{calibration.files:,} files" + (f"; without scores: {without}" if without else "")
    for note in calibration.notes:
        yield fill(f"note: {note}", LINE)
    for signal in calibration.signals:
        yield ""
        yield from _signal(signal)


def _signal(signal: OfSignal) -> Iterator[str]:
    yield f"{signal.name} ({signal.source}): {counted(signal.pictures)}"
    yield f"  {'scores':<12} " + " ".join(f"{_quantile(percent):>8}" for percent in signal.whole.quantiles)
    for what, scores in (("whole", signal.whole), ("in a part", signal.in_part)):
        if scores is not None:
            yield f"  {what:<12} " + " ".join(f"{value:>8.4f}" for value in scores.quantiles.values())
    yield ""
    yield f"  {'':<17} {'refused':<37} {'if it looked at no parts':<37}"
    head = f"{'pictures':>8} {'rate':>9} {'95 % interval':>18}"
    yield f"  {'at least':>8} {'in part':>8} {head} {head}  rule"
    yield from map(_rate, signal.rates)
    yield ""
    for sentence in advice(signal):
        yield fill(sentence, LINE, initial_indent="  ", subsequent_indent="  ")


def _quantile(percent: float) -> str:
    return "max" if percent == 100 else f"p{percent:g}"


def _rate(rate: Rate) -> str:
    in_part = "-" if rate.in_part is None else f"{rate.in_part:.4g}"
    return (
        f"  {rate.threshold:>8g} {in_part:>8} {_share(rate.all_views)} {_share(rate.whole)}  {', '.join(rate.rules)}"
    ).rstrip()


def _share(share: Share) -> str:
    limits = share.interval
    low, high = percent(limits.low).removesuffix(" %"), percent(limits.high)
    return f"{share.hits:>8,} {percent(share.rate):>9} {f'{low} - {high}':>18}"
