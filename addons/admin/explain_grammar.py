"""How `pictrs-filter explain` is written, and its help."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from addons.admin.command import DEFAULT_FILE, Command
from config.policy import Origin

EXPLAIN = """\
Why does this picture fare as it does? Shows every signal, and every condition of every rule, true or false, as a tree,
at the view (the whole picture, a frame or a part of one) that decides or comes nearest. Every model looks at everything
here, also where `serve` would have decided sooner. Nothing is stored or sent on.
"""
EXAMPLES = """\
examples:
  pictrs-filter explain photo.jpg
  pictrs-filter explain --config filter.yaml --source proxy https://example.org/cat.png
  pictrs-filter explain --json photo.jpg

How to read it:
  yes  the condition holds        no  it does not         ?  a score that it needs is not there
  whole, part    the highest score over views of whole pictures, and over views of parts, which need more
  does not count here    the rule is for other sources, or a rule above has allowed the picture

exit code: 0 it was looked at, 1 it could not be read
"""


def add(command: Command) -> None:
    """Add the command to the grammar."""
    explain = command("explain", "why does this picture fare as it does?", EXPLAIN, EXAMPLES)
    explain.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE)
    explain.add_argument(
        "--source", choices=get_args(Origin), help="judge it as if it came from there; default: all rules count"
    )
    explain.add_argument("--json", action="store_true", help="one JSON object, for scripts")
    explain.add_argument("picture", metavar="FILE|URL", help="a file, or an http or https address")
