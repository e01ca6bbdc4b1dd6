"""How much is measured: the whole benchmark, and tiny numbers that show that it runs."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.pictures import Kind


@dataclass(frozen=True)
class Sizes:
    """Sizes in bytes, `pause` in seconds; `turns` and `warm_up` are requests by each way.

    large, uploads, at_a_time, passes   the kinds of large pictures in turns, how many, in how many at once, how often
    large_view, pause                   a streamed view, and how long the slow reader stops
    ordinary, turns                     the upload that is timed
    photo, decodes                 the JPEG that is decoded, and how often
    forwards                            how often files are classified by each way
    small_view, view_turns              the view that is timed
    view_seconds, view_rounds           how long each way is asked for views in a round, and how often
    small                               the picture of the loads
    capacity_seconds, load_seconds      how long its capacity is measured, and how long each load lasts
    sleep_ms, largest                   a model's time, and the most bytes of the large upload
    list_hashes, list_searches      hashes of a list, and pictures that are looked up in it
    growth_uploads, growth_sample, growth_settled   uploads, from sample to sample, and after how many it may not grow
    """

    large: tuple[Kind, ...]
    uploads: int
    at_a_time: int
    passes: int
    large_view: int
    pause: float
    ordinary: Kind
    turns: int
    small_view: int
    view_turns: int
    warm_up: int
    photo: Kind
    decodes: int
    forwards: int
    view_seconds: float
    view_rounds: int
    small: Kind
    capacity_seconds: float
    load_seconds: float
    sleep_ms: float
    largest: int
    list_hashes: int
    list_searches: int
    growth_uploads: int
    growth_sample: int
    growth_settled: int


FULL = Sizes(
    large=(Kind("JPEG", 6000, 4000, 30), Kind("PNG", 2560, 1600, 42)),  # 10 MB each: 24 and 4 megapixels
    uploads=50,
    at_a_time=8,
    passes=2,
    large_view=200_000_000,
    pause=2.0,
    ordinary=Kind("JPEG", 1600, 1200, 12),  # 500 kB
    turns=40,
    small_view=20_000,
    view_turns=200,
    warm_up=5,
    photo=Kind("JPEG", 4000, 3000, 12),
    decodes=20,
    forwards=5,
    view_seconds=1.0,
    view_rounds=7,
    small=Kind("JPEG", 320, 240, 12),
    capacity_seconds=10.0,
    load_seconds=12.0,
    sleep_ms=20.0,
    largest=64_000_000,
    list_hashes=1_000_000,
    list_searches=200,
    growth_uploads=10_000,
    growth_sample=500,
    growth_settled=2_000,
)
QUICK = Sizes(
    large=(Kind("JPEG", 600, 400, 30), Kind("PNG", 256, 160, 42)),
    uploads=4,
    at_a_time=2,
    passes=1,
    large_view=2_000_000,
    pause=0.01,
    ordinary=Kind("JPEG", 320, 240, 12),
    turns=2,
    small_view=20_000,
    view_turns=3,
    warm_up=1,
    photo=Kind("JPEG", 400, 300, 12),
    decodes=2,
    forwards=1,
    view_seconds=0.1,
    view_rounds=2,
    small=Kind("JPEG", 160, 120, 12),
    capacity_seconds=0.4,
    load_seconds=0.5,
    sleep_ms=5.0,
    largest=1_000_000,
    list_hashes=5_000,
    list_searches=3,
    growth_uploads=20,
    growth_sample=10,
    growth_settled=10,
)
