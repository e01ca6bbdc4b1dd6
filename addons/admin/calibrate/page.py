"""A calibration as one HTML file: nothing lies elsewhere, no script, for phones, for the dark, for paper.

Whatever is not ours, such as the names of folders, is escaped by the template engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from addons.admin.calibrate.calibration import Calibration, OfSignal, Scores
from addons.admin.calibrate.histogram import BOTTOM, HEIGHT, INNER_HEIGHT, LEFT, TOP, WIDTH, Histogram, histogram
from addons.admin.calibrate.words import advice, counted, percent, skipped

TEMPLATE = "page.html.j2"


@dataclass(frozen=True)
class Shown:
    """One histogram with its title and, for those who do not see it, the same in words."""

    title: str
    words: str
    drawn: Histogram


def page(calibration: Calibration) -> str:
    """The file's text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "counted": counted}
    return environment.get_template(TEMPLATE).render(
        calibration=calibration,
        without=skipped(calibration),
        advice=advice,
        histograms=_histograms,
        size={"width": WIDTH, "height": HEIGHT, "left": LEFT, "top": TOP, "floor": TOP + INNER_HEIGHT, "low": BOTTOM},
    )


def _histograms(signal: OfSignal) -> list[Shown]:
    found = [_shown("Whole pictures", signal.whole, _lines(signal, parts=False))]
    if signal.in_part is not None:
        found.append(_shown("Parts of pictures (the highest of each)", signal.in_part, _lines(signal, parts=True)))
    return found


def _shown(title: str, scores: Scores, lines: list[tuple[float, str, bool]]) -> Shown:
    quantiles = ", ".join(f"{percent:g} % score at most {value:.3f}" for percent, value in scores.quantiles.items())
    return Shown(title, f"{title}: histogram of scores. {quantiles}.", histogram(scores.bins, lines))


def _lines(signal: OfSignal, *, parts: bool) -> list[tuple[float, str, bool]]:
    """The policy's own thresholds, and the one that is proposed."""
    found = [
        (threshold, f"{', '.join(rate.rules)} {threshold:.4g}", False)
        for rate in signal.rates
        if rate.rules and (threshold := rate.in_part if parts else rate.threshold) is not None
    ]
    if fits := signal.proposal.shown or signal.proposal.fits:
        threshold = fits.in_part if parts else fits.threshold
        found.append((threshold, f"proposed {threshold:.4g}", True))
    return found
