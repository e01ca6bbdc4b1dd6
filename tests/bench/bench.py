"""What the filter costs, measured on this machine: `make bench`, or `python -m tests.bench.bench --help`.

Memory: the filter as a process, large uploads at once, a large view. Time: requests through the filter beside the same
ones straight to the upstream. Views: how many a second, beside plain mitmproxy and nginx. Load: more uploads than it
can do. Lists: looking a picture up among a million. Growth: memory over many uploads. The upstream throws everything
away, so every millisecond and every byte above it is the filter's. Figures go to standard output and, as JSON, into a
folder that git ignores.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

from config.settings import Settings
from tests.bench import decoding, engines, growth, listed, loads, processes, report, runs, timing, views
from tests.bench.report import Report
from tests.bench.sizes import FULL, QUICK, Sizes
from tests.running import repository

EPILOG = """\
memory: RSS of the proxy and of its decoders at rest, while large pictures are uploaded, and while a large file is
        viewed, by a reader who keeps up and by one who stops for a while.
time:   p50 and p95 of an upload and of a view, straight to the upstream and through the filter, in turns. `ratio` is
        p50 by p50, `added` the median of what one turn took longer. "judge of 0 ms" is the filter without its model:
        the proxy's own part; "model of 0 ms" decodes too, and its stages are told. Then a large JPEG decoded as most
        programs do and as the filter does, and views judged one batch after the other and through the batcher, in this
        process.
views:  of a small picture, a second and a CPU second, through plain `mitmdump -q` that streams, the filter, and nginx
        where it is installed. Each has a core of its own, if there are two; `ratio` is to plain mitmproxy.
load:   uploads at random moments at 0.5, 0.8, 1.0 and 1.5 of what the filter can do: times of those accepted, those
        refused, those too late, and files upstream that nobody judged (0), or too large to know that. And how late
        the event loop wakes.
lists:  a million PDQ hashes: how long they take to be read and made searchable, and one picture to be looked up.
growth: RSS over 10,000 small uploads.

Takes about 10 minutes and 500 MB below TMPDIR. Needs nothing but this checkout; Linux only. Compare ratios and added
times; milliseconds of two runs only on a machine that does nothing else.

Exit codes: 0 measured, 1 something failed, 2 the command line is wrong.
"""


PARTS = ("memory", "time", "views", "load", "lists", "growth")


class Progress:
    """A line per step, with the seconds since the start, and the parts that are still to come."""

    def __init__(self, parts: Sequence[str]) -> None:
        self._started = time.monotonic()
        self._left = list(parts)

    def begin(self, part: str) -> None:
        """Say what begins and what is left."""
        self._left.remove(part)
        self(f"{part}; then: {', '.join(self._left) or 'nothing'}")

    def __call__(self, step: str) -> None:
        print(f"[{time.monotonic() - self._started:6.1f} s] {step}", flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar, with help that teaches."""
    made = argparse.ArgumentParser(
        prog="python -m tests.bench.bench",
        description="Measure what the filter costs and can do on this machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--only", choices=PARTS, help="measure one part")
    shipped = Settings().deadline_seconds
    made.add_argument(
        "--deadline",
        type=float,
        default=shipped,
        metavar="SECONDS",
        help="deadline_seconds of the memory run (default: %(default)g, as shipped); when uploads are too late for it, "
        f"the run is made once more with {runs.LONG_DEADLINE:g}",
    )
    made.add_argument("--quick", action="store_true", help="tiny numbers: shows that it runs, says nothing")
    folder = repository() / "bench-results"
    made.add_argument(
        "--out", type=Path, default=folder, metavar="FOLDER", help="for the JSON file (default: %(default)s)"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write. Gives the exit code; the programs that were started have ended then."""
    options = parser().parse_args(arguments)
    # As Ctrl-C does: every `with` ends its program.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        measured = _measure(options.only, options.deadline, QUICK if options.quick else FULL)
        print(f"\n{report.table(measured)}\n\nwritten to {report.write(measured, options.out)}")
    except KeyboardInterrupt:
        print("bench: interrupted; nothing is written", file=sys.stderr)
        return 130
    except (RuntimeError, OSError, HTTPException) as error:
        print(f"bench: {str(error) or type(error).__name__}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def _measure(only: str | None, deadline: float, sizes: Sizes) -> Report:
    parts = [only] if only else list(PARTS)
    say = Progress(parts)
    started, before = report.now(), report.load()
    made = Report(started, report.commit(), report.machine(before), report.versions() | report.beside())
    say("starting the upstream")
    with processes.upstream() as upstream, tempfile.TemporaryDirectory(prefix="pictrs-filter-bench-") as named:
        folder = Path(named)
        for part in parts:
            say.begin(part)
            if part == "memory":
                made.memory.extend(runs.measure_memory(upstream.url, sizes, deadline, folder, say))
            elif part == "time":
                seconds, stages = runs.measure_time(upstream, sizes, say)
                made.seconds.update(seconds | decoding.measure(sizes, say) | engines.measure(sizes, say))
                made.times.update({question: timing.compare(ways) for question, ways in made.seconds.items()})
                made.stages.update(stages)
            elif part == "views":
                made.views.update(views.measure(upstream, sizes, say))
            elif part == "load":
                made.loads.extend(loads.measure(upstream, sizes, folder, say))
            elif part == "lists":
                made.lists.extend(listed.measure(sizes, say))
            else:
                made.growth.append(growth.measure(upstream.url, sizes, folder, say))
    return replace(made, machine=report.machine(before))


if __name__ == "__main__":
    sys.exit(main())
