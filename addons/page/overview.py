"""What the status page shows, gathered for its template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from addons.audit.reader import LogError, Reader
from addons.audit.row import Row
from addons.metrics import names
from addons.page import drawing, figures
from addons.page.drawing import Chart
from addons.page.figures import Threshold
from addons.page.sources import Listed, Reloaded, Sources
from addons.page.week import Signal, Week

MINUTES = 60
"""Minutes of the charts of what came in."""
LATEST = 2000
"""Verdicts, at most, of which percentiles of times are told; from the last DAY_SECONDS."""
DAY_SECONDS = 86_400
HISTORY = 10
"""Rows of the history on the page itself."""
LEMMY_SECONDS = 10.0
"""When Lemmy gives a request up (its client's default, see `deadline_seconds` in default.yaml)."""
BAR_HEIGHT = 48
DEFAULT_THRESHOLD = 0.85
"""What the slider begins at where no rule of the policy has a threshold on the signal."""


@dataclass(frozen=True)
class Traffic:
    """One chart of the last hour: what is counted, the bars, and the sum."""

    name: str
    chart: Chart
    total: int


@dataclass(frozen=True)
class Latency:
    """A percentile of the time for a verdict, in seconds, and how it stands to the deadline."""

    name: str
    seconds: float
    late: bool


@dataclass(frozen=True)
class Scores:
    """A signal: its histogram with the policy's lines, and what a threshold would have refused.

    `refusals` has a count for each hundredth; `chosen` is the threshold that is shown, `refused` its count.
    """

    name: str
    count: int
    chart: Chart
    lines: Sequence[tuple[float, Threshold]]
    refusals: Sequence[int]
    chosen: float
    refused: int


@dataclass(frozen=True)
class Figures:
    """What the log says. `timed`: verdicts of which `latencies` are; `minutes`: those with any, the newest first."""

    traffic: Sequence[Traffic]
    minutes: Sequence[tuple[int, int, int, int]]
    latencies: Sequence[Latency]
    timed: int
    hits: Sequence[tuple[str, int]]
    scores: Sequence[Scores]
    history: Sequence[Row]


@dataclass(frozen=True)
class Overview:
    """Everything. `trouble` says why there are no figures, where there are none."""

    unready: Sequence[str]
    device: str
    models: Sequence[tuple[str, str]]
    mode: str
    policy: str
    in_hand: int
    deadline: float
    reloaded: Reloaded | None
    lists: Sequence[Listed]
    figures: Figures | None
    trouble: str


def overview(sources: Sources, week: Week | None, asked: tuple[str, float] | None = None) -> Overview:
    """Gather it. `asked`: the signal and the threshold of the "what if" form, for those without JavaScript.

    A log that cannot be read leaves the rest of the page as it is.
    """
    config = sources.config()
    found, trouble = None, ""
    if sources.log is None or week is None:
        trouble = "The log of verdicts is off (audit.keep_rows: 0)"
    else:
        try:
            found = _figures(sources, sources.log, week, asked)
        except LogError as error:
            trouble = str(error)
    return Overview(
        unready=sources.unready(),
        device=sources.device(),
        models=[(name, spec.timm) for name, spec in config.policy.models.items()],
        mode=config.settings.mode.value,
        policy=config.hash[:8],
        in_hand=sources.in_hand(),
        deadline=config.settings.deadline_seconds,
        reloaded=sources.reloaded(),
        lists=sources.lists(),
        figures=found,
        trouble=trouble,
    )


def _figures(sources: Sources, log: Reader, week: Week, asked: tuple[str, float] | None) -> Figures:
    config, now = sources.config(), sources.clock()
    minutes = figures.minutes(log.by_minute(now - 60 * MINUTES), now, MINUTES)
    latest = log.rows(since=now - DAY_SECONDS, limit=LATEST)
    times = [row.ms / 1000 for row in latest if not row.cached]
    rules = names.rules(config.policy, [each.name for each in sources.lists()]) - {names.NONE}
    lately = week.figures(sorted(rules))
    lines = figures.thresholds(config.policy)
    return Figures(
        traffic=[
            _traffic(name, [minute[column] for minute in minutes])
            for column, name in enumerate(("scanned", "refused", "unscanned"), start=1)
        ],
        minutes=[minute for minute in reversed(minutes) if any(minute[1:])],
        latencies=_latencies(times, config.settings.deadline_seconds),
        timed=len(times),
        hits=sorted(lately.hits.items(), key=lambda hit: -hit[1]),
        # signals of an older policy have no lines to draw
        scores=[_scores(name, lately.signals[name], lines[name], asked) for name in lines if name in lately.signals],
        history=latest[:HISTORY],
    )


def _traffic(name: str, counts: Sequence[int]) -> Traffic:
    return Traffic(name, drawing.chart(counts, height=BAR_HEIGHT), sum(counts))


def _latencies(times: Sequence[float], deadline: float) -> list[Latency]:
    found = []
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        seconds = figures.percentile(times, share)
        if seconds is not None:
            found.append(Latency(name, seconds, seconds >= deadline))
    return found


def _scores(name: str, signal: Signal, lines: Sequence[Threshold], asked: tuple[str, float] | None) -> Scores:
    chosen = asked[1] if asked and asked[0] == name else next((each.score for each in lines), DEFAULT_THRESHOLD)
    chosen = round(chosen * figures.STEPS) / figures.STEPS
    return Scores(
        name,
        signal.count,
        drawing.chart(signal.bars, logarithmic=True),
        [(drawing.place(each.score), each) for each in lines],
        signal.refusals,
        chosen,
        signal.refusals[round(chosen * figures.STEPS)],
    )
