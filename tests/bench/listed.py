"""What lists cost: reading a million PDQ hashes, making them searchable, and looking one picture's eight hashes up.

In this process. Hashes are random, so that none matches and nothing ends a search early; real ones are spread as evenly
where a list has many different pictures. `crowded` is a list made to be slow, in which all hashes share most words.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import psutil  # type: ignore[import-untyped]
from numpy.typing import NDArray

from model.hashlist import HashList, parse
from model.lists import DENY, MATCH_BITS, SIMILAR_BITS, Lists, Searchable
from tests.bench.sizes import Sizes

MIB = 1024 * 1024
GOOD = np.array([100], np.uint8)


@dataclass(frozen=True)
class Listed:
    """Figures of one list. `read` and `build` are seconds, `index` bytes of RSS beside the hashes themselves.

    `searches`: what was looked for -> milliseconds of each picture.
    """

    name: str
    hashes: int
    read: float
    build: float
    index: int
    searches: dict[str, list[float]]


def measure(sizes: Sizes, say: Callable[[str], None]) -> list[Listed]:
    """A list whose hashes are spread evenly, and one in which they are crowded."""
    dice = np.random.default_rng(0)
    spread = dice.integers(0, 256, (sizes.list_hashes, 32), np.uint8)
    crowded = np.tile(spread[:1], (sizes.list_hashes, 1))
    crowded[:, :4] = spread[:, :4]
    return [_listed(name, rows, sizes, dice, say) for name, rows in (("spread", spread), ("crowded", crowded))]


def _listed(
    name: str, rows: NDArray[np.uint8], sizes: Sizes, dice: np.random.Generator, say: Callable[[str], None]
) -> Listed:
    say(f"a list of {len(rows)} PDQ hashes, {name}")
    text = b"".join(b"pdq %s\n" % row.tobytes().hex().encode() for row in rows)
    start = time.perf_counter()
    found = parse(text)
    read = time.perf_counter() - start
    del text
    _check(found, len(rows))
    before, start = psutil.Process().memory_info().rss, time.perf_counter()
    searchable = Searchable(found)
    build, index = time.perf_counter() - start, psutil.Process().memory_info().rss - before
    lists = Lists({DENY: searchable})
    asked = dice.integers(0, 256, (sizes.list_searches, 1, 8, 32), np.uint8)
    if name == "crowded":  # where each takes a tenth of a second
        asked = asked[: max(sizes.list_searches // 20, 1)]
        asked[..., 8:] = rows[0, 8:]  # in the same places as all of them, and too far away
        asked[..., :8] = ~rows[0, :8]
    searches = {f"within {bits} bits": _times(lists, asked, bits) for bits in (MATCH_BITS, SIMILAR_BITS)}
    return Listed(name, len(rows), read, build, index, searches)


def _times(lists: Lists, asked: NDArray[np.uint8], bits: int) -> list[float]:
    times = []
    for hashes in asked:
        start = time.perf_counter()
        found = lists.by_pdq(DENY, hashes, GOOD, bits)
        times.append((time.perf_counter() - start) * 1000)
        if found is not None and found.distance > bits:
            raise RuntimeError(f"found what is {found.distance} bits away")
    return times


def _check(found: HashList, count: int) -> None:
    if len(found.pdq) != count or found.faulty:
        raise RuntimeError(f"{len(found.pdq)} of {count} hashes were read")


def lines(listed: Listed) -> Iterator[str]:
    """The table."""
    yield f"{f'{listed.hashes} PDQ hashes, {listed.name}; one picture, ms':<52} {'p50':>8} {'p95':>8} {'most':>8}"
    for what, times in listed.searches.items():
        p50, p95 = np.percentile(times, [50, 95])
        yield f"  {'search ' + what:<50} {p50:>8.2f} {p95:>8.2f} {max(times):>8.2f}"
    took = f"read in {listed.read:.1f} s, made searchable in {listed.build:.1f} s"
    yield f"  {took}, which takes {listed.index / MIB:.0f} MiB beside the hashes ({listed.hashes * 32 / MIB:.0f} MiB)"
