"""What figures mean, in sentences for the administrator: the same ones on the terminal and on the page. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from addons.admin.calibrate.calibration import Calibration, OfSignal
from addons.admin.calibrate.proposal import KNOWN_PER_100_000, Proposal, Step, wrong_for_each_right

SKIPPED: Mapping[str, str] = {
    "duplicate": "the same as another one",
    "unsupported": "no picture of a format that is judged",
    "undecodable": "broken or cut off",
    "too_large": "larger than the limits",
    "unreadable": "could not be read",
    "decoder": "the decoder failed on",
    "classifier": "the model failed on",
    "deadline": "not judged in time",
    "settled": "settled by a list or as the self-test card",
    "cached": "judged before, and counted then",
}
"""Why a file has no scores -> in words."""


def percent(rate: float) -> str:
    """A rate of 0..1, in per cent, with as many digits as are of use."""
    value = 100 * rate
    return f"{value:.3g} %" if value == 0 or value >= 0.01 else f"{value:.1g} %"


def counted(number: int) -> str:
    """So many pictures."""
    return "1 picture" if number == 1 else f"{number:,} pictures"


def skipped(calibration: Calibration) -> str:
    """What of the files has no scores, and why; empty when all have."""
    return "; ".join(f"{SKIPPED.get(why, why)}: {count:,}" for why, count in sorted(calibration.skipped.items()))


def advice(signal: OfSignal) -> list[str]:
    """What the figures of a signal come to."""
    return [*_proposal(signal.name, signal.proposal), _base_rate(signal)]


def _proposal(name: str, proposal: Proposal) -> list[str]:
    target, fits, shown = percent(proposal.target), proposal.fits, proposal.shown
    if fits is None:
        highest = "Even the strictest threshold that is tried here refuses more than that."
        return [f"No threshold on {name} keeps to {target} of these pictures. {highest} Another model may."]
    if proposal.too_few:
        none = f"{proposal.needed:,} without a single refusal are the fewest that can"
        return [
            f"{counted(proposal.pictures)} cannot show {target}: {none}. Nothing is proposed; give it more pictures.",
            f"Of these, {_at_least(fits)} refuses {_of(fits)}, and with 95 % confidence the true rate is at most "
            f"{percent(fits.at_most)}: no less is known of it.",
        ]
    said = [f"For {target}: {_at_least(fits)}. Of these {counted(proposal.pictures)} that refuses {_of(fits)}."]
    if shown is None:
        said.append(
            f"No threshold is shown to keep to {target} with 95 % confidence: at that one the true rate may be up to "
            f"{percent(fits.at_most)}. More pictures would tell."
        )
    elif shown == fits:
        said.append(f"With 95 % confidence the true rate is at most {percent(fits.at_most)}.")
    else:
        said.append(
            f"There the true rate may be up to {percent(fits.at_most)}. To be 95 % sure of {target}: "
            f"{_at_least(shown)} (refuses {_of(shown)}, at most {percent(shown.at_most)})."
        )
    said.append(
        "That holds for pictures like these. How much of the unwanted it catches, innocent pictures cannot tell."
    )
    return said


def _at_least(step: Step) -> str:
    return f"at_least: {step.threshold:g} (a part of a picture then needs {step.in_part:.4g})"


def _of(step: Step) -> str:
    return f"{step.share.hits:,}, which is {percent(step.share.rate)}"


def _base_rate(signal: OfSignal) -> str:
    known = f"{KNOWN_PER_100_000:g} of 100,000 files were known ones where that was counted (IFTAS)"
    own = [rate for rate in signal.rates if rate.rules] or list(signal.rates[-1:])
    strictest = own[-1]
    limits = strictest.all_views.interval
    low, high = (_number(wrong_for_each_right(rate)) for rate in (strictest.all_views.rate, limits.high))
    return (
        f"{known}. If all of them score {strictest.threshold:g} or more, then for each right refusal there are about "
        f"{low} wrong ones at the rate seen here, and {high} at the upper end of its interval."
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
