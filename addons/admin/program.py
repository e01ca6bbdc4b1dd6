"""The program `pictrs-filter`, from its first moment: SIGTERM ends it, also while its rooms are imported.

The first process of a container gets no signal that it does not handle, and would be killed ten seconds later. So this
file imports nothing before it handles SIGTERM: what cli.py imports takes half a second, on a busy machine more.
"""

from __future__ import annotations

import signal


def main() -> int:
    """Run the command line. Gives the exit code, 130 where SIGTERM or Ctrl-C came before anything else was there."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from addons.admin.cli import main as run
    except KeyboardInterrupt:
        return 130
    return run()


if __name__ == "__main__":
    raise SystemExit(main())
