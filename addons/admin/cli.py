"""The command line: `pictrs-filter COMMAND`; `pictrs-filter --help` has all of them.

Each command is a room of its own and is imported when it is used, so that `--help` and `check` do not wait for torch.
Exit codes: 0 done, 1 the answer is no or something failed, 2 the command line itself is wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

from addons.admin.grammar import parser
from config.load import Config, ConfigError, load
from config.settings import Settings

INTERRUPTED = 130
"""Exit code after Ctrl-C (128 + SIGINT, as shells count), and after SIGTERM."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Gives the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # file names need not be text, and terminals not UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return _run(parser().parse_args(arguments))
        finally:
            print(end="", flush=True)
    except ConfigError as error:
        print(error, file=sys.stderr)
    except BrokenPipeError:  # who read the output has seen enough, as `head` has
        _drop_output()
    except OSError as error:  # a full disk, say; no fault of ours, so without a traceback
        print(f"pictrs-filter: {error}", file=sys.stderr)
        _drop_output()
    except KeyboardInterrupt:
        return INTERRUPTED
    return 1


def _run(options: argparse.Namespace) -> int:
    if options.command == "check":
        from addons.admin.check import check

        return check(options.file or options.config)
    if options.command == "presets":
        from addons.admin import presets

        return presets.show(options.name) if options.action else presets.listing()
    if options.command == "healthcheck":
        from addons.admin.healthcheck import healthcheck

        return healthcheck(load(options.config).settings, ready=options.ready)
    if options.command == "models":
        from addons.admin import models

        return models.pin(load(options.config)) if options.action else models.listing(load(options.config))
    if options.command == "selftest":
        from addons.admin.selftest import selftest, write

        if options.write:
            return write(options.write)
        return _to_its_end(selftest(options.url or _own_url(load(options.config).settings)))
    if options.command == "doctor":
        return _doctor(options)
    if options.command == "demo":
        from addons.admin.demo import demo

        _log_to_stderr("warning")
        return _to_its_end(demo(options.upstream, options.stay))
    if options.command == "bench":
        from addons.admin.bench.bench import bench

        config = load(options.config)
        _log_to_stderr("error")
        given = {"seconds": options.seconds, "at_once": options.at_once, "as_json": options.json}
        return _to_its_end(bench(config, options.files, **given))
    if options.command == "explain":
        from addons.admin.explain import explain

        config = load(options.config)
        _log_to_stderr("warning")
        return _to_its_end(explain(config, options.picture, origin=options.source, as_json=options.json))
    if options.command in ("allow", "deny"):
        from addons.admin.allow import change
        from addons.admin.listed import in_log

        config = load(options.config)
        given = {"note": options.note, "similar": options.similar, "remove": options.remove}
        look_up = in_log(config.settings)
        return _to_its_end(change(config, options.command, options.what, look_up=look_up, **given))
    if options.command == "lists":
        from addons.admin import lists

        config = load(options.config)
        if options.lists_command == "import":
            given = {"note": options.note, "similar": options.similar}
            return lists.take(config, options.file, options.to, options.bare, **given)
        if options.lists_command == "export":
            return lists.give(config, options.name, options.kind)
        if options.lists_command == "sync":
            _log_to_stderr("error")
            return _to_its_end(lists.sync(config))
        return lists.show(config)
    if options.command == "classify":
        from addons.admin.classify import classify

        config = load(options.config)
        _log_to_stderr("warning")
        return _to_its_end(classify(config, options.pictures, as_json=options.json))
    if options.command == "log":
        from addons.admin.log import Asked, follow, listed, show

        settings = load(options.config).settings
        if options.log_command == "show":
            return show(settings, options.shown, as_json=options.json)
        asked = Asked(**{name: getattr(options, name) for name in Asked.__dataclass_fields__})
        return (follow if options.follow else listed)(settings, asked, as_json=options.json)
    if options.command == "calibrate":
        return _calibrate(options)
    from addons.launcher import run

    config = _serve_config(options)
    _log_to_stderr(config.settings.log_level)
    return _to_its_end(run(config, lambda: _serve_config(options)), at_once=True)


def _calibrate(options: argparse.Namespace) -> int:
    from addons.admin.calibrate.calibrate import Asked, from_folders, from_log
    from addons.admin.calibrate_grammar import SINCE, seconds, source

    if wrong := source(options):
        print(f"pictrs-filter calibrate: {wrong}", file=sys.stderr)
        return 2
    config = load(options.config)
    _log_to_stderr("warning")
    asked = Asked(options.target, options.show, options.report, options.json)
    if options.from_log:
        from addons.admin.calibrate.logged import OfTheFilter

        return from_log(config, OfTheFilter(config.settings), options.since or seconds(SINCE), asked)
    return _to_its_end(from_folders(config, options.folders, asked, fresh=options.fresh))


def _doctor(options: argparse.Namespace) -> int:
    from addons.admin.doctor import doctor, read_compose
    from addons.admin.files import printable
    from addons.doctor.compose.reading import ComposeError

    try:
        compose = None if options.compose is None else read_compose(options.compose)
    except ComposeError as error:
        print(f"pictrs-filter doctor: --compose: {printable(str(error))}", file=sys.stderr)
        return 2
    _log_to_stderr("critical")  # it says itself what is wrong, once
    given = {"outside": options.outside, "quick": options.quick, "compose": compose, "as_json": options.json}
    return _to_its_end(doctor(options.config, **given), at_once=True)  # not waiting for threads that were given up


def _serve_config(options: argparse.Namespace) -> Config:
    given = {"PICTRS_FILTER_UPSTREAM": options.upstream, "PICTRS_FILTER_LISTEN": options.listen}
    return load(options.config, {**os.environ, **{name: value for name, value in given.items() if value is not None}})


def _to_its_end(command: Coroutine[Any, Any, int], *, at_once: bool = False) -> int:
    """Run a command. Where it does not see to that itself, Ctrl-C and SIGTERM cancel it: it cleans up, and is over.

    Interrupted, or with `at_once`, the process ends without waiting for threads: one that imports torch or fetches a
    model cannot be stopped.
    """
    with asyncio.Runner() as runner:
        try:
            code = runner.run(_cancelled_by_sigterm(command))
        except (KeyboardInterrupt, asyncio.CancelledError):
            code, at_once = INTERRUPTED, True
        if at_once:
            with contextlib.suppress(OSError):
                print(end="", flush=True)
            os._exit(code)
        return code


async def _cancelled_by_sigterm(command: Coroutine[Any, Any, int]) -> int:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await command


def _own_url(settings: Settings) -> str:
    """Where a filter with these settings is reached from its own machine."""
    host, port = settings.listen_address
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _drop_output() -> None:
    """Let what is still to be written vanish: Python would try again at its end, and complain."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _log_to_stderr(level: str) -> None:
    """One line a record. mitmproxy's own log is kept to errors: its finer levels quote requests, cookies and all."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=level.upper(), stream=sys.stderr)
    for name in ("mitmproxy", "asyncio", "aiohttp", "PIL", "timm", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("mitmproxy.addons.proxyserver").setLevel(logging.CRITICAL)  # launcher.ListenError says it better


if __name__ == "__main__":
    sys.exit(main())
