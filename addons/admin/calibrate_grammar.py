"""The grammar of `pictrs-filter calibrate`, with help that teaches."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from addons.admin.command import DEFAULT_FILE, Command, checked

TARGET = "0.1%"
SINCE = "30d"
SHOW = 10
"""The worst files that are named, if nobody says otherwise."""
MOST_SHOWN = 100_000
SECONDS = {"h": 3600, "d": 86_400, "w": 604_800}

CALIBRATE = """\
How often would innocent pictures be refused? Scores your own ordinary pictures as the filter would, whole and in parts,
and tells for each threshold how many it refuses, how far the true rate can be from that, and which threshold keeps to
the rate that you can bear. Scores are kept in `state_dir` by the SHA-256 of the file: interrupted, it goes on where it
was. Nothing is stored of a picture, and nothing is sent on.

Give it pictures like those that people upload to you, and only ones that you know to be fit: thousands, if you can.
Files that are no pictures are counted and left out; symbolic links are not followed.
"""
CALIBRATE_EXAMPLES = """\
examples:
  pictrs-filter calibrate ~/Pictures                        every picture in the folder, and in those in it
  pictrs-filter calibrate photos drawings --target 0.05%
  pictrs-filter calibrate ~/Pictures --report report.html   with histograms; names no file, so it can be shown around
  pictrs-filter calibrate --from-log --since 14d            what the filter has seen; those are not all innocent
  pictrs-filter calibrate ~/Pictures --json --show 0 > calibration.json

How to read it:
  at least        the threshold; `in part` is what a closer look at a part of a picture needs in its place
  95 % interval   where the true rate is, as far as so many pictures can tell (Clopper and Pearson)
  no parts        the same, as if `views.tiles` were false

The exact count matters: 3,000 pictures without a refusal show a rate below 0.1 %, 300 show only that it is below 1 %.

exit code: 0 told; 1 it could not be: no pictures, none with a score, no threshold in the policy, a disk that is full;
2 the command line is wrong; 130 interrupted (what was scored is kept)
"""


def add(command: Command) -> None:
    """Add `calibrate`."""
    calibrate = command(
        "calibrate", "how often are innocent pictures refused, at which threshold?", CALIBRATE, CALIBRATE_EXAMPLES
    )
    calibrate.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE)
    # either folders or the log, which is checked in `source`: argparse takes no list into such a choice
    calibrate.add_argument("folders", nargs="*", type=Path, metavar="DIR", help="folders of innocent pictures")
    calibrate.add_argument("--from-log", action="store_true", help="take the scores of the filter's log instead")
    calibrate.add_argument(
        "--since", type=checked(seconds), metavar="TIME", help=f"how far back in the log: 12h, 30d, 4w ({SINCE})"
    )
    calibrate.add_argument(
        "--target", type=checked(rate), default=rate(TARGET), metavar="RATE", help="rate to keep to (0.1%%)"
    )
    calibrate.add_argument("--report", type=Path, metavar="FILE", help="write an HTML page with histograms, too")
    calibrate.add_argument("--json", action="store_true", help="one JSON object, for scripts")
    calibrate.add_argument(
        "--show", type=checked(number), default=SHOW, metavar="N", help="name the N worst files (%(default)s); 0: none"
    )
    calibrate.add_argument("--fresh", action="store_true", help="forget scores from before, and score all anew")


def source(options: argparse.Namespace) -> str | None:
    """What is wrong with where the scores are to come from; None when nothing is."""
    if options.from_log and options.folders:
        return "name folders or --from-log, not both"
    if not options.from_log and not options.folders:
        return "name a folder of innocent pictures, or --from-log"
    if not options.from_log and options.since is not None:
        return "--since goes with --from-log"
    if options.from_log and options.fresh:
        return "--fresh goes with folders"
    return None


def rate(text: str) -> float:
    """A rate above 0 and below 1, of text such as 0.1% or 0.001. Raises ValueError."""
    match = re.fullmatch(r"([0-9]*\.?[0-9]+) ?(%?)", text, re.ASCII)
    value = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < value < 1:
        raise ValueError("must be a rate such as 0.1% or 0.001, above 0 and below 100%")
    return value


def seconds(text: str) -> float:
    """Seconds, of text such as 12h, 30d or 4w. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,5})([hdw])", text, re.ASCII)
    if match is None or not int(match[1]):
        raise ValueError("must be a time such as 12h, 30d or 4w")
    return float(int(match[1]) * SECONDS[match[2]])


def number(text: str) -> int:
    """A whole number. Raises ValueError."""
    if not text.isascii() or not text.isdecimal() or int(text[:9]) > MOST_SHOWN:
        raise ValueError(f"must be a whole number from 0 to {MOST_SHOWN}")
    return int(text)
