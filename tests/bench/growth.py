"""Whether memory grows with what was done: many small uploads, each another file, decoded, for a model of 0 ms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import load, memory, processes
from tests.bench.memory import Rss
from tests.bench.sizes import Sizes

CONNECTIONS = 4
MIB = 1024 * 1024


@dataclass(frozen=True)
class Growth:
    """RSS after so many uploads each; `proxy` and `decoders` are bytes per 1000 uploads, from `settled` uploads on."""

    after: dict[int, Rss]
    settled: int
    proxy: float
    decoders: float


def measure(upstream: str, sizes: Sizes, folder: Path, say: Callable[[str], None]) -> Growth:
    """Raises RuntimeError for an upload that is not accepted."""
    picture = folder / "small.jpeg"
    picture.write_bytes(sizes.small.make(1))
    after: dict[int, Rss] = {}
    with processes.stubbed(upstream, "zeros") as running:
        for done in range(0, sizes.growth_uploads, sizes.growth_sample):
            say(f"{done} of {sizes.growth_uploads} small uploads")
            most = sizes.growth_sample
            spec = load.Spec(running.address, 600, 0, str(picture), done, CONNECTIONS, most=most)
            found = load.run(spec).statuses()
            if found != {201: most}:
                raise RuntimeError(f"small uploads were answered {found}")
            after[done + most] = memory.read(running.pid)
    return grown(after, sizes.growth_settled)


def grown(after: dict[int, Rss], settled: int) -> Growth:
    """What the samples come to."""
    first, last = min(count for count in after if count >= settled), max(after)
    thousands = (last - first) / 1000 or 1.0
    return Growth(
        after,
        first,
        (after[last].proxy - after[first].proxy) / thousands,
        (after[last].decoders - after[first].decoders) / thousands,
    )


def lines(growth: Growth) -> Iterator[str]:
    """The table."""
    yield f"{'memory after so many small uploads, MiB':<52} {'proxy':>8} {'decoders':>8} {'total':>8}"
    for count, rss in growth.after.items():
        yield f"  {count:<50} {rss.proxy / MIB:>8.1f} {rss.decoders / MIB:>8.1f} {rss.total / MIB:>8.1f}"
    name = f"grown by, per 1000 uploads after the first {growth.settled}"
    yield f"  {name:<50} {growth.proxy / MIB:>8.2f} {growth.decoders / MIB:>8.2f}"
