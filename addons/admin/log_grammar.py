"""The grammar of `pictrs-filter log`, with help that teaches."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import get_args

from addons.admin.command import DEFAULT_FILE, Command, checked
from addons.admin.moment import moment
from addons.audit.questions import OUTCOMES
from addons.inspection import Source

ROWS = 50
"""Verdicts shown, if nobody says otherwise: as many as a terminal has lines."""
MOST_ROWS = 100_000_000
_REF = re.compile(r"(?:ref[= ])?([0-9a-f]{8})")

LOG = """\
What was judged lately, newest first: one line a verdict, from the log that the filter keeps in `state_dir` (`audit:` in
the configuration). It may be read while the filter runs. No picture, file name or header is in it.
"""
LOG_EXAMPLES = """\
examples:
  pictrs-filter log                                  the last 50 verdicts
  pictrs-filter log --since 7d --outcome would-reject    a week of shadow mode: what would have been refused
  pictrs-filter log --since 2026-11-01 --until 2026-11-08 --rule explicit
  pictrs-filter log --outcome unscanned              what went to pict-rs without a verdict (`failure:`)
  pictrs-filter log --follow                         the last ones, oldest first, then each new one; Ctrl-C ends it
  pictrs-filter log --since 30d --limit 0 --json > verdicts.jsonl
  pictrs-filter log show 197ddfaf                    everything about one; the uploader was shown this ref

Every filter must hold. A rule's name is also that of a list, of self-test-card, or of a cause such as undecodable.
The file belongs to the user that runs the filter: run this as that user, or as root.

exit code: 0 shown, even if there was nothing to show; 1 the log cannot be read; `show`: 1 there is no such ref
"""

SHOW = """\
Everything that the log has about one verdict: scores, times, and hashes where they were kept (`audit.hashes`); and the
commands that let this picture pass from now on, or refuse it.
"""
SHOW_EXAMPLES = """\
examples:
  pictrs-filter log show 197ddfaf
  pictrs-filter log show --json 197ddfaf

exit code: 0 shown, 1 there is no such ref, or the log cannot be read
"""


def add(command: Command) -> None:
    """Add `log` and `log show`."""
    log = command("log", "what was judged, and why; `log show REF` for one verdict", LOG, LOG_EXAMPLES)
    log.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE)
    log.add_argument("--since", type=checked(moment), metavar="WHEN", help="not before: 2h ago, or 2026-11-01")
    log.add_argument("--until", type=checked(moment), metavar="WHEN", help="before that")
    log.add_argument("--rule", metavar="NAME", help="decided by this rule")
    log.add_argument("--ref", type=checked(ref), metavar="REF", help="with this ref")
    log.add_argument("--source", choices=get_args(Source), help="%(choices)s", metavar="SOURCE")
    log.add_argument("--outcome", choices=OUTCOMES, help="%(choices)s", metavar="OUTCOME")
    log.add_argument("--limit", type=checked(limit), default=ROWS, metavar="N", help="at most so many; 0: all")
    log.add_argument("--json", action="store_true", help="one JSON object a line, for scripts")
    log.add_argument("--follow", action="store_true", help="go on with each new verdict, until Ctrl-C")
    inner = log.add_subparsers(dest="log_command", metavar="show REF", title="about one verdict")
    show = inner.add_parser(
        "show",
        help="everything about one verdict",
        description=SHOW,
        epilog=SHOW_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # without defaults, which would win over what stands before `show`
    show.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE, default=argparse.SUPPRESS)
    show.add_argument("--json", action="store_true", help="one JSON object, for scripts", default=argparse.SUPPRESS)
    show.add_argument("shown", type=checked(ref), metavar="REF", help="8 hex digits, as in the log or the refusal")


def ref(text: str) -> str:
    """A ref as typed or pasted (`ref=197ddfaf`, `(ref 197ddfaf)`). Raises ValueError."""
    found = _REF.fullmatch(text.strip(" ()").lower())
    if found is None:
        raise ValueError("must be 8 hex digits, as the log and the refusal show them")
    return found[1]


def limit(text: str) -> int:
    """How many rows; 0 is all. Raises ValueError."""
    if not text.isascii() or not text.isdecimal() or int(text) > MOST_ROWS:
        raise ValueError(f"must be a whole number from 0 (all) to {MOST_ROWS}")
    return int(text) or MOST_ROWS
