"""The command line: `pictrs-filter serve | check | classify | selftest | demo`.

Each command is a room of its own and is imported when it is used, so that `--help` and `check` do not wait for torch.
Exit codes: 0 done, 1 the answer is no or something failed, 2 the command line itself is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from config.load import Config, ConfigError, load

EPILOG = """\
first steps:
  pictrs-filter demo                                   see it work: nothing is needed, nothing is changed
  pictrs-filter classify photo.jpg                     what would happen to this picture, and why
  pictrs-filter check filter.yaml                      is this configuration sound? each fault with its line
  pictrs-filter serve --config filter.yaml             run it in front of pict-rs
  pictrs-filter selftest --url http://127.0.0.1:8081   does it really refuse? uploads a harmless test card

environment: PICTRS_FILTER_CONFIG (file), PICTRS_FILTER_UPSTREAM, PICTRS_FILTER_LISTEN, PICTRS_FILTER_MODE and
PICTRS_FILTER_DEVICE win over the file; options given here win over both.
"""


def parser() -> argparse.ArgumentParser:
    """The command line's grammar, with help that teaches."""
    top = argparse.ArgumentParser(
        prog="pictrs-filter",
        description="A filter in front of pict-rs: every picture is judged before a byte of it is stored.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"pictrs-filter {_version()}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the filter in front of pict-rs")
    serve.description = "Run the filter. Answers 503 to uploads until the model is warm, then prints one line: ready."
    _config_option(serve)
    serve.add_argument("--upstream", metavar="URL", help="where pict-rs is, for example http://pictrs-upstream:8080")
    serve.add_argument("--listen", metavar="HOST:PORT", help="where to listen, for example 0.0.0.0:8080")

    check = commands.add_parser("check", help="check a configuration; prints every fault with file and line")
    check.description = "Check a configuration without loading a model. Exit code 1 when there is a fault."
    check.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: PICTRS_FILTER_CONFIG, else the shipped one")

    classify = commands.add_parser("classify", help="judge pictures without storing them anywhere")
    classify.description = "Print the score of each signal, the rule that would fire, and why. Nothing is stored or sent on."
    _config_option(classify)
    classify.add_argument("pictures", nargs="+", metavar="FILE|URL", help="a file, or an http(s) address to fetch")
    classify.add_argument("--json", action="store_true", help="one JSON object a line, for scripts")

    selftest = commands.add_parser("selftest", help="prove that a running filter refuses, with a harmless test card")
    selftest.description = (
        "Upload the self-test card through a running filter (it must be refused) and an ordinary drawn picture "
        "(it must pass, and is deleted again), and say in words what was seen."
    )
    selftest.add_argument("--url", metavar="URL", help="the filter's address (default: the configured listen address)")
    selftest.add_argument("--write", type=Path, metavar="FILE", help="only write the card to FILE, to try it in a browser")
    _config_option(selftest)

    demo = commands.add_parser("demo", help="see the whole thing work, on this machine, in a minute")
    demo.description = (
        "Start the filter with the embedded model in front of an upstream, send it pictures, and print what became of "
        "them. Without --upstream a small stand-in for pict-rs is started, which stores into a temporary folder."
    )
    demo.add_argument("--upstream", metavar="URL", help="a real pict-rs to put behind it, for example http://127.0.0.1:8080")
    demo.add_argument("--stay", action="store_true", help="keep running afterwards, to try it with curl")
    return top


def _config_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config", type=Path, metavar="FILE", help="YAML file (default: PICTRS_FILTER_CONFIG, else the shipped one)"
    )


def _version() -> str:
    try:
        return version("pictrs-filter")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "(not installed)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Gives the exit code."""
    options = parser().parse_args(arguments)
    try:
        return _run(options)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace) -> int:
    if options.command == "check":
        from addons.admin.check import check

        return check(options.file)
    if options.command == "selftest" and options.write:
        from addons.admin.selftest import write

        return write(options.write)
    if options.command == "selftest":
        from addons.admin.selftest import selftest

        return asyncio.run(selftest(options.url or f"http://{load(options.config).settings.listen}"))
    if options.command == "demo":
        from addons.admin.demo import demo

        _log_to_stderr("warning")
        return asyncio.run(demo(options.upstream, options.stay))
    if options.command == "classify":
        from addons.admin.classify import classify

        _log_to_stderr("warning")
        return asyncio.run(classify(load(options.config), options.pictures, as_json=options.json))
    from addons.launcher import run

    config = _serve_config(options)
    _log_to_stderr(config.settings.log_level)
    return asyncio.run(run(config))


def _serve_config(options: argparse.Namespace) -> Config:
    given = {"PICTRS_FILTER_UPSTREAM": options.upstream, "PICTRS_FILTER_LISTEN": options.listen}
    return load(options.config, {**os.environ, **{name: value for name, value in given.items() if value is not None}})


def _log_to_stderr(level: str) -> None:
    """One line a record. mitmproxy's own log is kept to errors: its finer levels quote requests, cookies and all."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=level.upper(), stream=sys.stderr)
    for name in ("mitmproxy", "asyncio", "aiohttp", "PIL", "timm", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("mitmproxy.addons.proxyserver").setLevel(logging.CRITICAL)  # launcher.ListenError says it better


if __name__ == "__main__":
    sys.exit(main())
