"""The grammar of `pictrs-filter healthcheck`, with help that teaches."""

from __future__ import annotations

from pathlib import Path

from addons.admin.command import DEFAULT_FILE, Command

TEXT = """\
Does the filter that runs on this machine, or in this container, answer? Asks the internal port (admin.listen), or where
that is off the port that Lemmy asks, as the configuration and the environment have it. Says in one line what it saw.
"""
EXAMPLES = """\
examples:
  pictrs-filter healthcheck            is it alive? one that still loads its model is
  pictrs-filter healthcheck --ready    can it judge pictures?

exit code: 0 yes, 1 no
"""


def add(command: Command) -> None:
    """Add the command `healthcheck`."""
    top = command("healthcheck", "does the filter that runs here answer? for containers", TEXT, EXAMPLES)
    top.add_argument("--ready", action="store_true", help="not only alive: able to judge pictures")
    top.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE)
