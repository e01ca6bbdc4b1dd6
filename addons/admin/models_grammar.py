"""The grammar of `pictrs-filter models`, with help that teaches."""

from __future__ import annotations

from pathlib import Path

from addons.admin.command import Command

FILE = "default: the file that PICTRS_FILTER_CONFIG names, else the shipped one"
TEXT = """\
Which models the policy has, their labels, and what holds them. A model from the Hugging Face hub that is not pinned
can be changed by whoever owns it, and your thresholds with it. `models pin` fetches what is not there yet, and writes
`revision:` and the `sha256:` of the weights into the configuration. Comments and everything else in it stay; when
anything is in doubt it is not touched.
"""
EXAMPLES = """\
examples:
  pictrs-filter models --config filter.yaml         each model, pinned or not
  pictrs-filter models pin --config filter.yaml     pin them all

exit code: 0 done, 1 the configuration is not sound, or could not be pinned and was not changed
"""


def add(command: Command) -> None:
    """Add the command `models`."""
    top = command("models", "the policy's models, pinned or not; `models pin` pins them", TEXT, EXAMPLES)
    top.add_argument("action", nargs="?", choices=["pin"], metavar="pin", help="write what holds them into the file")
    top.add_argument("--config", type=Path, metavar="FILE", help=FILE)
