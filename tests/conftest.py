"""What several rooms share: log levels that end with the test that set them, and the real pict-rs.

That is skipped with a reason where it is missing, or failed when PICTRS_FILTER_REAL_REQUIRED=1, and never left out in
silence: the last lines of a test run tell.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests import nginx
from tests.docker import composed
from tests.pages import namespace
from tests.pictrs import VERSIONS, RealPictrs, available, required
from tests.workers import one_thread_each, turn, workers

POLICY = os.sched_getscheduler(0)
RunReal = Callable[..., RealPictrs]
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ

if IS_WORKER:
    one_thread_each()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `--numprocesses auto` means."""
    return workers()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for the real pict-rs, so that `-m "not real"` leaves it out. Workers begin with the longest."""
    for item in items:
        if "run_real" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real)
    if IS_WORKER:
        items.sort(key=lambda item: turn(item.path))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was measured, and what was left out because the real pict-rs is not there."""
    for report in [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]:
        for name, value in report.user_properties:
            if name == "figures" and report.when == "call":
                terminalreporter.write_line(f"measured: {value}")
    left_out = [report for report in terminalreporter.stats.get("skipped", []) if "real" in report.keywords]
    if left_out and (reason := available()):
        terminalreporter.write_line(
            f"left out: {len(left_out)} tests with the real pict-rs ({reason}); run sudo .ci/real-pictrs to get them",
            yellow=True,
        )


def _levels() -> dict[logging.Logger, int]:
    loggers = (logger for logger in logging.root.manager.loggerDict.values() if isinstance(logger, logging.Logger))
    return {logger: logger.level for logger in (logging.root, *loggers)}


@pytest.fixture(autouse=True)
def _log_levels() -> Iterator[None]:
    """A test that runs a whole program (the command line, the fuzzer) also sets its log levels, which are process-wide:
    a later test that waits for a warning would wait in vain."""
    before = _levels()
    yield
    for logger, level in _levels().items():
        if level != before.get(logger, logging.NOTSET):
            logger.setLevel(before.get(logger, logging.NOTSET))


@pytest.fixture(autouse=True)
def _priority() -> Iterator[None]:
    """Fail the test that leaves another priority to all that come after it (tests/priority.py says why)."""
    yield
    assert os.sched_getscheduler(0) == POLICY, "a library took another priority: tests.priority.ordinary_priority"


def need_real(version: str) -> None:
    """Skip the test that runs where this pict-rs is missing, or fail it where it is required."""
    if reason := available(version):
        if required():
            pytest.fail(f"PICTRS_FILTER_REAL_REQUIRED=1, but {reason}", pytrace=False)
        pytest.skip(reason)


def need_nginx() -> None:
    """Skip the test that runs where there is no nginx, or fail it where the real parts are required."""
    if reason := nginx.available():
        if required():
            pytest.fail(f"PICTRS_FILTER_REAL_REQUIRED=1, but {reason}", pytrace=False)
        pytest.skip(reason)


def need_compose() -> None:
    """Skip the test that runs where there is no `docker compose`, or fail it where the real parts are required."""
    if reason := composed.available():
        if required():
            pytest.fail(f"PICTRS_FILTER_REAL_REQUIRED=1, but {reason}", pytrace=False)
        pytest.skip(reason)


def need_namespace() -> None:
    """Skip the test that runs where it cannot have a network of its own, or fail it where real parts are required."""
    if reason := namespace.available():
        if required():
            pytest.fail(f"PICTRS_FILTER_REAL_REQUIRED=1, but {reason}", pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def run_real() -> Iterator[RunReal]:
    """`run_real(version, environment)` starts a real pict-rs that lives until the module's tests are done."""
    with ExitStack() as running:

        def run(version: str = VERSIONS[0], environment: dict[str, str] | None = None) -> RealPictrs:
            need_real(version)
            return running.enter_context(RealPictrs(version, environment or {}))

        yield run


@pytest.fixture(scope="module", params=VERSIONS)
def real_pictrs(request: pytest.FixtureRequest, run_real: RunReal) -> RealPictrs:
    """A real pict-rs of each version, with a store that the module's tests share."""
    version: str = request.param
    return run_real(version)
