"""What a calibration comes to, as data: for text, JSON and the page alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from addons.admin.bench.pace import percentile
from addons.admin.calibrate.proposal import Proposal, Step, propose, wrong_for_each_right
from addons.admin.calibrate.rates import Rate, Share, rates, signals_with_bounds
from addons.admin.calibrate.scores import Scored
from config.load import Config

QUANTILES = (50.0, 90.0, 99.0, 99.9, 100.0)
"""Per cent of the pictures that do not score more than the value that is given; 100: the highest."""
BINS = 50
"""Bars of a histogram, each a fiftieth wide: the shipped thresholds, in fiftieths or halves, are told apart by eye."""


class CalibrateError(Exception):
    """There is nothing to calibrate. The message says why, and what to do."""


@dataclass(frozen=True)
class Scores:
    """The distribution of one signal's scores: quantiles (per cent -> score) and counts of BINS bars from 0 to 1."""

    quantiles: Mapping[float, float]
    bins: tuple[int, ...]


@dataclass(frozen=True)
class OfSignal:
    """One signal: of `pictures` that have it, the scores of wholes and of parts, rates, and the proposal.

    `in_part` is None where no part was looked at.
    """

    name: str
    source: str
    pictures: int
    whole: Scores
    in_part: Scores | None
    rates: tuple[Rate, ...]
    proposal: Proposal


@dataclass(frozen=True)
class Calibration:
    """All of it. `files` and `skipped` count what was looked at and why some of it has no scores; `notes` are caveats.

    `at` is UTC, ISO 8601; `source` says in words where the scores come from.
    """

    at: str
    configuration: str
    policy: str
    source: str
    files: int
    skipped: Mapping[str, int]
    signals: tuple[OfSignal, ...]
    notes: tuple[str, ...] = field(default=())


def check(config: Config) -> None:
    """Raises CalibrateError for a policy in which no rule asks for a high score."""
    if not signals_with_bounds(config.policy):
        hint = "a calibration is about such thresholds; give a rule at_least or above"
        raise CalibrateError(f"no rule of {config.path} asks for at least a score: {hint}")


def of_signals(config: Config, pictures: Sequence[Scored], target: float) -> tuple[OfSignal, ...]:
    """Every signal of which a rule asks for at least so much, and that a picture has scores of."""
    found = []
    for name in signals_with_bounds(config.policy):
        having = [one for one in pictures if name in one.scores or name in one.in_part]
        if having:
            found.append(_of_signal(config, name, having, target))
    return tuple(found)


def _of_signal(config: Config, name: str, pictures: Sequence[Scored], target: float) -> OfSignal:
    spec = config.policy.signals[name]
    return OfSignal(
        name,
        f"{' + '.join(spec.label_names)} of {config.policy.models[spec.model].timm}",
        len(pictures),
        _scores([one.scores.get(name, 0.0) for one in pictures]),
        _scores(parts) if (parts := [one.in_part[name] for one in pictures if name in one.in_part]) else None,
        tuple(rates(config.policy, name, pictures)),
        propose(name, pictures, target),
    )


def _scores(values: Sequence[float]) -> Scores:
    bins = [0] * BINS
    for value in values:
        bins[min(int(value * BINS), BINS - 1)] += 1
    return Scores({percent: percentile(values, percent) for percent in QUANTILES}, tuple(bins))


def as_object(calibration: Calibration) -> dict[str, Any]:
    """The object that `--json` prints. Rates and scores are within 0..1."""
    return {
        "at": calibration.at,
        "configuration": calibration.configuration,
        "policy": calibration.policy,
        "source": calibration.source,
        "files": calibration.files,
        "skipped": dict(calibration.skipped),
        "notes": list(calibration.notes),
        "signals": [_signal(signal) for signal in calibration.signals],
    }


def _signal(signal: OfSignal) -> dict[str, Any]:
    proposal = signal.proposal
    return {
        "name": signal.name,
        "source": signal.source,
        "pictures": signal.pictures,
        "whole": _distribution(signal.whole),
        "in_part": _distribution(signal.in_part) if signal.in_part else None,
        "thresholds": [_rate(rate) for rate in signal.rates],
        "proposal": {
            "target": proposal.target,
            "pictures_needed": proposal.needed,
            "fits": _step(proposal.fits),
            "shown": _step(proposal.shown),
        },
    }


def _distribution(scores: Scores) -> dict[str, Any]:
    return {"quantiles": {f"{percent:g}": value for percent, value in scores.quantiles.items()}, "bins": scores.bins}


def _rate(rate: Rate) -> dict[str, Any]:
    return {
        "threshold": rate.threshold,
        "in_part": rate.in_part,
        "rules": list(rate.rules),
        "refused": _share(rate.all_views),
        "whole_alone": _share(rate.whole),
    }


def _share(share: Share) -> dict[str, Any]:
    limits = share.interval
    return {
        "pictures": share.hits,
        "rate": share.rate,
        "low": limits.low,
        "high": limits.high,
        "wrong_for_each_right": round(wrong_for_each_right(share.rate), 2),
    }


def _step(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    return {
        "threshold": step.threshold,
        "in_part": step.in_part,
        "pictures": step.share.hits,
        "rate": step.share.rate,
        "at_most": step.at_most,
    }
