"""Is that fast enough, and if not, what helps? Figures in, words out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from addons.admin.bench.report import LEMMY_SECONDS, Result, Uploading

ROOM = 0.5
"""Share of the deadline within which 99 of 100 uploads should be answered. The rest is for what takes longer than an
ordinary picture: an animation, a second look at a part (15 more views), a busy neighbour."""
DISTURBED = 0.5
"""Load average for each core, before the measuring, from which on others have taken a good part of the machine."""


@dataclass(frozen=True)
class Costs:
    """What bears on it. Times are milliseconds that one ordinary picture costs when many are in hand: `model_ms` for
    all of its `views` by all models, `decode_ms` with all `decoders` at work. `tiles` and `backend` are settings."""

    deadline_seconds: float
    views: float
    model_ms: float
    decode_ms: float
    tiles: bool
    device: str
    decoders: int
    cores: int
    load_before: float
    backend: str = "auto"


def assess(alone: Uploading, busy: Uploading, costs: Costs) -> Result:
    """The result, from uploads one at a time and several at a time."""
    rate, p99 = busy.pace.per_second, busy.pace.at(99)
    late = alone.pace.failed + busy.pace.failed
    enough = not late and p99 is not None and p99 <= ROOM * costs.deadline_seconds * 1000
    advice = (*(() if enough else _ways_out(costs)), *_notes(costs))
    words = f"{_sentence(alone, busy, costs)} {_verdict(alone, busy, costs, enough)}"
    burst = int(rate * costs.deadline_seconds)
    return Result(round(rate, 2), None if p99 is None else round(p99, 1), burst, enough, words, advice)


def _sentence(alone: Uploading, busy: Uploading, costs: Costs) -> str:
    p99 = busy.pace.at(99)
    limits = f"The deadline is {costs.deadline_seconds:g} s (deadline_seconds); Lemmy allows {LEMMY_SECONDS:g} s."
    if p99 is None:
        return f"This server judged none of {busy.pace.failed} pictures. {limits}"
    first = alone.pace.at(50)
    single = "" if first is None else f"; one alone takes {first:.0f} ms"
    return (
        f"This server can judge {busy.pace.per_second:.3g} pictures a second, p99 {p99:.0f} ms with {busy.at_once} at "
        f"a time{single}. {limits}"
    )


def _verdict(alone: Uploading, busy: Uploading, costs: Costs, enough: bool) -> str:
    late = alone.pace.failed + busy.pace.failed
    if late:
        answer = busy.answer or alone.answer
        every = late + alone.pace.done + busy.pace.done
        return f"TOO SLOW: {late} of {every} uploads got no verdict and were refused ({answer})."
    if not enough:
        return (
            "TIGHT: that is more than half of the deadline, and animations, second looks and busy moments take longer "
            "than this. What is late is refused with 503."
        )
    burst = int(busy.pace.per_second * costs.deadline_seconds)
    return f"FAST ENOUGH: up to about {burst} pictures at the same moment are all judged in time."


def _ways_out(costs: Costs) -> Iterator[str]:
    every = costs.model_ms + costs.decode_ms
    share = costs.model_ms / every if every else 0.0
    if share < 0.5:
        yield f"decoding takes {1 - share:.0%} of the work on a picture"
        if costs.decoders < costs.cores:
            yield f"decoder.processes: {costs.cores} decodes as many at once as there are cores"
        yield "lower limits.max_area_pixels, as large pictures take longest"
    else:
        yield f"the model takes {share:.0%} of the work on a picture, {costs.views:.3g} views of it"
        if costs.backend != "auto":
            yield "backend: auto chooses the faster engine by itself"
        if costs.tiles and costs.views > 1:
            yield (
                f"views.tiles: false looks at the whole alone, 1 view in place of {costs.views:.3g}; what fills only "
                "a part of a picture is then missed more often"
            )
        if not costs.device.startswith("cuda"):
            yield "a GPU, which device: auto finds by itself"
        yield "a smaller model"
    yield "a machine with more or faster cores"


def _notes(costs: Costs) -> Iterator[str]:
    if costs.deadline_seconds >= LEMMY_SECONDS:
        yield f"deadline_seconds is not below the {LEMMY_SECONDS:g} s that Lemmy waits: such verdicts help nobody"
    if costs.load_before > DISTURBED * costs.cores:
        yield (
            f"other programs were at work (load average {costs.load_before:g} before the start): measure again when "
            "the machine is quiet, if that happens"
        )
