"""The grammar of `pictrs-filter presets`, with help that teaches."""

from __future__ import annotations

from addons.admin.command import Command
from config import presets

TEXT = """\
Configurations that are shipped, ready to be used or to be copied and changed. preset:NAME may stand wherever a
configuration FILE may: `pictrs-filter check preset:strict`, `pictrs-filter serve --config preset:shadow`.
"""
EXAMPLES = """\
examples:
  pictrs-filter presets                              which are there? one line for each
  pictrs-filter presets show strict > filter.yaml    copy it out, to change it

exit code: 0 done, 2 there is no such preset
"""


def add(command: Command) -> None:
    """Add the command `presets`."""
    top = command("presets", "shipped configurations, to be used or copied", TEXT, EXAMPLES)
    action = top.add_subparsers(dest="action", metavar="show")
    show = action.add_parser("show", help="print one, comments and all")
    show.add_argument("name", choices=presets.names(), metavar="NAME", help=", ".join(presets.names()))
