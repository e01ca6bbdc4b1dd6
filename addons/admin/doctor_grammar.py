"""How `pictrs-filter doctor` is written, and its help."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from addons.admin.command import DEFAULT_FILE, Command, checked

OUTSIDE = "http://example.com/pictrs-filter-doctor.html"
"""An address that is reserved for examples (RFC 2606, 3), and answers with a web page or an error, never with media."""

DOCTOR = """\
What is wrong with this set-up? Looks at the configuration, at pict-rs, at the network between them and at this machine,
and says of each fault what it is, why it matters, and which line cures it. It changes nothing: what it uploads to try
the way is one drawn picture, which is deleted again. Run it where the filter runs, beside it or in its place, as the
same user: in the container, `docker compose exec pictrs-filter pictrs-filter doctor`.
"""
EXAMPLES = """\
examples:
  pictrs-filter doctor
  pictrs-filter doctor --config filter.yaml
  pictrs-filter doctor --quick --json                  for scripts: loads no model, uploads nothing
  pictrs-filter doctor --outside ''                    without the question whether pict-rs has a way out

From inside a container the networks of the others are not seen. The machine's own words about them help:
  docker compose config --format json | docker compose exec -T pictrs-filter pictrs-filter doctor --compose -

--outside: pict-rs (0.5 and newer) is asked to fetch this address, and told to take no media: whatever is there, it
stores nothing, and its answer tells whether it got there. The default is a name that is reserved for examples, and a
web page. Name another one where that cannot be reached from your country.

exit code: 0 sound (notes may be there), 1 an error was found, 2 the command line is wrong, 3 warnings, no error

--json, one object: `findings`, a list of objects with `check`, `severity` (ok, note, warning, error), `what`, `why` and
`cure`; `worst`, the highest severity; `exit_code`; `config`, the file. No secret is in it, or in the text: addresses'
passwords, keys and tokens are shown as ***.
"""


def add(command: Command) -> None:
    """Add the command to the grammar."""
    doctor = command("doctor", "what is wrong with this set-up, and which line cures it?", DOCTOR, EXAMPLES)
    doctor.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE)
    doctor.add_argument("--json", action="store_true", help="one JSON object, for scripts")
    doctor.add_argument("--quick", action="store_true", help="leave out what loads a model or uploads a picture")
    doctor.add_argument(
        "--compose", metavar="FILE|-", help="what `docker compose config --format json` says, from a file or, -, a pipe"
    )
    doctor.add_argument(
        "--outside",
        type=checked(_outside),
        default=OUTSIDE,
        metavar="URL",
        help="shows whether pict-rs has a way out; '' leaves that out (default: %(default)s)",
    )


def _outside(value: str) -> str:
    """An http or https address without a name and password, or ''."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        good = False
    if value and (not good or not value.isascii() or not value.isprintable() or set(" #") & set(value)):
        raise ValueError("must be an http or https address that gives no picture, or ''")
    return value
