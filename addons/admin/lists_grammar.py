"""The grammar of `pictrs-filter allow`, `deny` and `lists`, with help that teaches."""

from __future__ import annotations

import argparse
from pathlib import Path

from addons.admin.command import DEFAULT_FILE, Command
from config.consistency import OWN_LISTS

WHAT = "REF|HASH|FILE"
MEANS = """\
What it is about is one of:
  REF    the ref that the uploader was shown, 8 hex digits; looked up in the log (`pictrs-filter log`), which keeps the
         hashes of refused files only, or as `audit.hashes` says
  HASH   64 hex digits, the SHA-256 of a file; pdq:64 hex digits is a PDQ hash, of how a picture looks
  FILE   the file itself. A file that is named like a ref or a hash is ./NAME
"""

ALLOW = f"""\
Let a file pass, whatever the models and other lists say of it. Only `deny` wins over it. A running filter takes it up
within seconds.

{MEANS}
It is allowed by its SHA-256: this very file, and no other. With --similar files that look nearly the same are allowed
as well (PDQ, at most 10 of 256 bits), such as one that was encoded anew: those of which every picture is near to an
allowed one. For that the file itself must be given, or a PDQ hash, and there must be enough in each of its pictures.
Think twice: a picture can be made on purpose that comes near to one that is known to be allowed.
"""
ALLOW_EXAMPLES = """\
examples:
  pictrs-filter allow 197ddfaf --note "a statue, see the report of 12 May"
  pictrs-filter allow statue.jpg --similar
  pictrs-filter allow 197ddfaf --remove

exit code: 0 done, or it was so already; 1 it could not be done
"""

DENY = f"""\
Refuse a file always, whatever else is known of it. A running filter takes it up within seconds. What is stored already
stays there.

{MEANS}
It is refused by its SHA-256 and, where that is known, by its looks (PDQ, at most 31 of 256 bits), so that it is refused
too when it was encoded anew, made smaller, turned or mirrored. Of an animation or a video each picture counts that has
enough in it, where the file itself is given; the log keeps the looks of one.
"""
DENY_EXAMPLES = """\
examples:
  pictrs-filter deny 197ddfaf --note "spam"
  pictrs-filter deny unwanted.jpg
  pictrs-filter deny 124efd2831abd218be73c8bded2d33fb129f529c4bc983dc7062dea91ffbc07a
  pictrs-filter deny unwanted.jpg --remove

exit code: 0 done, or it was so already; 1 it could not be done
"""

LISTS = """\
The lists that pictures are looked up in: your own two, `allow` and `deny`, and those that the policy names (`lists:`).
Each is text, one hash a line: 64 hex digits (SHA-256) or `pdq` and 64 hex digits, then, if you like, `# note`. You may
edit yours: <state_dir>/lists/allow.txt and deny.txt.
"""
LISTS_EXAMPLES = """\
examples:
  pictrs-filter lists                                   how many hashes each has, when it was fetched, what is wrong
  pictrs-filter lists sync                              fetch those with a url now
  pictrs-filter lists import found.txt --to deny        add what another server has found
  pictrs-filter lists import hma.txt --to deny --bare pdq
  pictrs-filter lists export deny > ours.txt            to share; with your notes
  pictrs-filter lists export deny --kind pdq > ours.txt

exit code: 0 all is well, 1 a list has a fault, or something could not be done
"""


def add(command: Command) -> None:
    """Add `allow`, `deny` and `lists`."""
    allow = command("allow", "let a file pass, whatever the models say", ALLOW, ALLOW_EXAMPLES)
    deny = command("deny", "refuse a file, and pictures like it, from now on", DENY, DENY_EXAMPLES)
    for each in (allow, deny):
        each.add_argument("what", metavar=WHAT, help="see above")
        each.add_argument("--note", default="", metavar="TEXT", help="why; stands in the list, and in the log")
        each.add_argument("--remove", action="store_true", help="take it off the list again")
        each.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE)
    allow.add_argument("--similar", action="store_true", help="allow pictures that look nearly the same, too")
    deny.set_defaults(similar=True)

    lists = command("lists", "the lists of hashes: look, import, export, fetch", LISTS, LISTS_EXAMPLES)
    lists.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE)
    inner = lists.add_subparsers(dest="lists_command", metavar="COMMAND", title="commands; `show` if none is given")
    show = inner.add_parser("show", help="each list, how many hashes it has, and what is wrong with it")
    sync = inner.add_parser(
        "sync", help="fetch the lists with a url now; a running filter takes them up within seconds"
    )
    take = inner.add_parser("import", help="add the hashes of a file to one of your lists")
    take.add_argument("file", type=Path, metavar="FILE", help="one hash a line")
    take.add_argument("--to", choices=OWN_LISTS, required=True, help="your list")
    take.add_argument("--bare", choices=("sha256", "pdq"), default="sha256", help="what a hash without a word is")
    take.add_argument("--note", default="", metavar="TEXT", help="note for those that have none")
    take.add_argument("--similar", action="store_true", help="into allow: PDQ hashes too (see `allow --help`)")
    give = inner.add_parser("export", help="print one of your lists, to share it")
    give.add_argument("name", choices=OWN_LISTS, metavar="allow|deny", help="your list")
    give.add_argument("--kind", choices=("sha256", "pdq"), help="hashes of one kind alone")
    for each in (show, sync, take, give):  # behind the word as well as before it
        each.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE, default=argparse.SUPPRESS)
