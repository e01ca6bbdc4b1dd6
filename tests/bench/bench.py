"""What the filter costs, measured on this machine: `make bench`, or `python -m tests.bench.bench --help`.

First memory: the filter as a process, large uploads at once, a large view. Then time: requests through the filter
beside the same ones straight to the upstream. The upstream throws everything away, so every millisecond and every
byte above it is the filter's. Figures go to standard output and, as JSON, into a folder that git ignores.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path

from config.settings import Settings
from tests.bench import decoding, processes, report, runs, timing
from tests.bench.report import Report
from tests.bench.sizes import FULL, QUICK, Sizes
from tests.running import repository

EPILOG = """\
memory: RSS of the proxy and of its decoders at rest, while large pictures are uploaded, and while a large file is
        viewed, by a reader who keeps up and by one who stops for a while.
time:   p50 and p95 of an upload and of a view, straight to the upstream and through the filter, in turns. `ratio` is
        p50 by p50, `added` the median of what one turn took longer. "judge of 0 ms" is the filter without its model:
        the proxy's own part. Then a large JPEG decoded as most programs do and as the filter does, in this process.

Takes about 3 minutes and 500 MB below TMPDIR. Needs nothing but this checkout; Linux only. Compare ratios and added
times; milliseconds of two runs only on a machine that does nothing else.

Exit codes: 0 measured, 1 something failed, 2 the command line is wrong.
"""


class Progress:
    """A line per step, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, step: str) -> None:
        print(f"[{time.monotonic() - self._started:6.1f} s] {step}", flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar, with help that teaches."""
    made = argparse.ArgumentParser(
        prog="python -m tests.bench.bench",
        description="Measure what the filter costs on this machine: memory and time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--only", choices=("memory", "time"), help="measure one part")
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
    say = Progress()
    started, load = report.now(), report.load()
    say("starting the upstream")
    with processes.upstream() as upstream, tempfile.TemporaryDirectory(prefix="pictrs-filter-bench-") as folder:
        memory = runs.measure_memory(upstream.url, sizes, deadline, Path(folder), say) if only != "time" else []
        seconds = runs.measure_time(upstream, sizes, say) if only != "memory" else {}
    if only != "memory":
        seconds |= decoding.measure(sizes, say)
    times = {question: timing.compare(ways) for question, ways in seconds.items()}
    return Report(started, report.commit(), report.machine(load), report.versions(), memory, times, seconds)


if __name__ == "__main__":
    sys.exit(main())
