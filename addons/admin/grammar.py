"""The grammar of the command line: commands, options, what they accept, and help that teaches."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from addons.admin import (
    calibrate_grammar,
    explain_grammar,
    healthcheck_grammar,
    lists_grammar,
    log_grammar,
    models_grammar,
    presets_grammar,
)
from addons.admin.bench.report import KEYS
from addons.admin.command import DEFAULT_FILE, checked
from config.addresses import check_listen, check_upstream

BENCH_SECONDS = 20.0
"""Seconds that `bench` measures, if nobody says otherwise. With loading the models twice it takes about a minute."""


TOP = """\
first steps:
  pictrs-filter demo                                   see it work: needs nothing, changes nothing
  pictrs-filter classify photo.jpg                     what would happen to this picture, and why
  pictrs-filter explain photo.jpg                      every score and every condition of every rule, true or false
  pictrs-filter check filter.yaml                      is this configuration sound? each fault with its line
  pictrs-filter serve --config filter.yaml             run it in front of pict-rs
  pictrs-filter presets                                configurations to begin with: serve --config preset:shadow
  pictrs-filter models --config filter.yaml            which models, and can others change them?
  pictrs-filter selftest --url http://127.0.0.1:8081   does it really refuse? uploads a harmless test card
  pictrs-filter allow 197ddfaf --note "a statue"       a picture was refused wrongly: let it pass from now on
  pictrs-filter deny unwanted.jpg                      refuse it, and pictures that look like it, from now on
  pictrs-filter lists                                  what is allowed and denied, and other servers' lists
  pictrs-filter bench                                  how many pictures a second can this machine judge?
  pictrs-filter log --since 2h                         what was judged lately, and why
  pictrs-filter calibrate ~/Pictures                   how often are innocent pictures refused, at which threshold?

pictrs-filter COMMAND --help tells more about each.
"""

SERVE = """\
Run the filter. Uploads are answered 503 until the model is loaded; then one line of the log says: ready.
SIGTERM or Ctrl-C lets the requests in hand finish.
"""
SERVE_EXAMPLES = """\
examples:
  pictrs-filter serve --config filter.yaml
  pictrs-filter serve --upstream http://pictrs-upstream:8080 --listen 0.0.0.0:8080

An option wins over the environment (PICTRS_FILTER_UPSTREAM, _LISTEN, _MODE, _DEVICE, _STATE_DIR, _CALLBACK_LISTEN,
_CALLBACK_URL, _ADMIN_LISTEN), and that over the file.
"""

CHECK = """\
Is this configuration sound? Tells what it says, or everything that is wrong with file and line. Loads no model.
"""
CHECK_EXAMPLES = """\
examples:
  pictrs-filter check filter.yaml
  pictrs-filter check                what `pictrs-filter serve` would start with

exit code: 0 sound, 1 not
"""

CLASSIFY = """\
What would happen to these pictures: the score of each signal, the rule that fires, and why. Nothing is stored or
sent on. Use it to find thresholds, with pictures that you know.
"""
CLASSIFY_EXAMPLES = """\
examples:
  pictrs-filter classify photo.jpg https://example.org/cat.png
  pictrs-filter classify --config filter.yaml photos/*
  pictrs-filter classify --json photos/* > scores.jsonl

exit code: 0 all of them were looked at, 1 one could not be read
"""

SELFTEST = """\
Does a running filter refuse? Uploads the self-test card, which it must refuse in every mode, and an ordinary drawn
picture, which must pass and is deleted again. Tells in words what was seen.
"""
SELFTEST_EXAMPLES = """\
examples:
  pictrs-filter selftest                             a filter on this machine, where its configuration says
  pictrs-filter selftest --url http://pictrs:8080    what answers where Lemmy's pictrs.url points?
  pictrs-filter selftest --write card.png            the card as a file: upload it to your site in a browser

exit code: 0 all is well, 1 it is not
"""

BENCH = """\
How many pictures a second can this machine judge, how soon, and is that fast enough? Measures, with your settings and
models: decoding alone, the models alone, and a whole filter with a stand-in for pict-rs behind it, to which pictures
are uploaded one at a time, then several at a time. It runs beside a filter that is at work here and touches nothing of
it; but both share the machine, so measure where, and when, nothing else is busy. Nothing is stored or sent on.

Without FILE it draws photographs: 12 megapixels (3.2 MB), 1600 x 1200 (500 kB), 400 x 300 (32 kB); the models and the
whole filter get those of 500 kB. Your own pictures tell more: real ones come near a rule more often, and take more
views then.
"""
BENCH_EXAMPLES = """\
examples:
  pictrs-filter bench                              a minute, with the settings that `serve` would start with
  pictrs-filter bench --config filter.yaml photos/*.jpg
  pictrs-filter bench --seconds 120 --at-once 16   longer, and with more uploads side by side
  pictrs-filter bench --json > bench.json          the table goes, progress stays on standard error

How to read it:
  pictures/s   what can be had, for decoding by all decoder.processes together
  p50, p99     milliseconds that half of them, and 99 of 100, do not exceed; of fewer than 100, p99 is the slowest
  views        pictures of the model's own size that are made of one file; each costs one run of the model (ms/view)
  burst        pictures/s times deadline_seconds: so many at the same moment are all judged in time

Is it fast enough? Yes when every upload got a verdict, 99 of 100 within half of deadline_seconds. If not, it says what
helps. Ctrl-C ends it and shows what was measured until then.

exit code: 0 measured, fast enough or not; 1 it could not be measured; 2 the command line is wrong; 130 interrupted

keys of --json, one object ([] each item of a list, * a name):
"""

DEMO = """\
Starts the filter with the embedded model, sends it pictures, and shows what became of them. Behind it runs a small
stand-in for pict-rs that stores into a temporary folder, or the pict-rs of --upstream, where what the demo stored is
deleted again.
"""
DEMO_EXAMPLES = """\
examples:
  pictrs-filter demo
  pictrs-filter demo --stay                              keep it running, to try it with curl; Ctrl-C ends it
  pictrs-filter demo --upstream http://127.0.0.1:8080    with a real pict-rs

exit code: 0 every picture fared as it must, 1 one did not
"""


def parser() -> argparse.ArgumentParser:
    """The command line's grammar, with help that teaches."""
    top = argparse.ArgumentParser(
        prog="pictrs-filter",
        description="A filter in front of pict-rs: every picture is judged before a byte of it is stored.",
        epilog=TOP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"pictrs-filter {_version()}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, summary: str, text: str, examples: str) -> argparse.ArgumentParser:
        raw = argparse.RawDescriptionHelpFormatter
        return commands.add_parser(name, help=summary, description=text, epilog=examples, formatter_class=raw)

    serve = command("serve", "run the filter in front of pict-rs", SERVE, SERVE_EXAMPLES)
    serve.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE)
    serve.add_argument("--upstream", type=checked(check_upstream), metavar="URL", help="where pict-rs is")
    serve.add_argument("--listen", type=checked(check_listen), metavar="ADDRESS:PORT", help="where to listen")

    check = command("check", "is this configuration sound? each fault with file and line", CHECK, CHECK_EXAMPLES)
    file = check.add_mutually_exclusive_group()
    file.add_argument("file", nargs="?", type=Path, metavar="FILE", help=DEFAULT_FILE)
    file.add_argument("--config", type=Path, metavar="FILE", help="the same")

    classify = command("classify", "judge pictures without storing them anywhere", CLASSIFY, CLASSIFY_EXAMPLES)
    classify.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE)
    classify.add_argument("--json", action="store_true", help="one JSON object a line, for scripts")
    classify.add_argument("pictures", nargs="+", metavar="FILE|URL", help="a file, or an http or https address")

    explain_grammar.add(command)

    selftest = command(
        "selftest", "prove that a running filter refuses, with a harmless card", SELFTEST, SELFTEST_EXAMPLES
    )
    target = selftest.add_mutually_exclusive_group()
    target.add_argument(
        "--url", type=checked(_http_url), metavar="URL", help="the filter's address; default: where it listens"
    )
    target.add_argument("--write", type=Path, metavar="FILE", help="upload nothing, write the card to FILE")
    selftest.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE)

    bench = command(
        "bench", "how many pictures a second can this machine judge?", BENCH, BENCH_EXAMPLES + _bench_keys()
    )
    bench.add_argument("--config", type=Path, metavar="FILE", help=DEFAULT_FILE)
    bench.add_argument("--json", action="store_true", help="one JSON object, for scripts; its keys are listed below")
    bench.add_argument(
        "--seconds",
        type=_number(float, 0.01, 3600.0),
        default=BENCH_SECONDS,
        metavar="N",
        help="seconds of measuring, all steps together; loading comes on top (default: %(default)g)",
    )
    bench.add_argument(
        "--at-once",
        type=_number(int, 1, 1024),
        metavar="N",
        help="uploads side by side in the last step (default: twice decoder.processes)",
    )
    bench.add_argument("files", nargs="*", type=Path, metavar="FILE", help="pictures to measure with")

    log_grammar.add(command)
    lists_grammar.add(command)
    presets_grammar.add(command)
    models_grammar.add(command)
    calibrate_grammar.add(command)
    healthcheck_grammar.add(command)

    demo = command("demo", "see the whole thing work, on this machine, in a minute", DEMO, DEMO_EXAMPLES)
    demo.add_argument("--upstream", type=checked(check_upstream), metavar="URL", help="a real pict-rs, to be tried")
    demo.add_argument("--stay", action="store_true", help="keep running afterwards")
    return top


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not value.isprintable() or set(" ?#@") & set(value):
        raise ValueError("must be http://HOST:PORT, for example http://127.0.0.1:8081")
    return value


def _number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    """A number within bounds, as argparse wants it."""

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(0)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be a number from {least:g} to {most:g}, not {text!r}")
        return value

    return convert


def _bench_keys() -> str:
    width = max(map(len, KEYS)) + 2
    return "".join(f"  {name:<{width}}{meaning}\n" for name, meaning in KEYS.items())


def _version() -> str:
    try:
        return version("pictrs-filter")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "(not installed)"
