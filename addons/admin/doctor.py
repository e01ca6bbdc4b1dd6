"""`pictrs-filter doctor`: every check in turn, then each finding in words, or all of it as one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from addons.admin.files import printable
from addons.doctor.checks import CHECKS, Check
from addons.doctor.compose.reading import MAX_BYTES, ComposeError, read
from addons.doctor.examination import examine
from addons.doctor.finding import Finding, Severity
from addons.doctor.masking import masked, secrets_of
from addons.doctor.patient import Patient
from config.load import ConfigError, load

EXIT_CODES = {Severity.OK: 0, Severity.NOTE: 0, Severity.WARNING: 3, Severity.ERROR: 1}
"""By the worst that was found; 2 is a command line that is wrong."""
CONFIGURATION = "configuration"
"""The check that says that the configuration does not load; then there is nothing else to look at."""
WIDTH = 24
"""Characters for a check's name: as long as the longest, and a little more."""


async def doctor(
    config: Path | None,
    *,
    outside: str,
    quick: bool = False,
    compose: dict[str, Any] | None = None,
    as_json: bool = False,
    checks: Sequence[tuple[str, Check]] = CHECKS,
) -> int:
    """Look at everything and print what was found. Gives the exit code. `config` is the file."""
    try:
        loaded = load(config)
    except ConfigError as error:
        found = [masked(finding) for finding in _unloadable(error)]
        return _told(found, None, as_json=as_json)
    patient = Patient(loaded, outside, quick, compose)
    secrets = secrets_of(loaded.settings)
    found = []
    if not as_json:
        print(f"looking at the set-up that {loaded.path} describes", flush=True)
    for name, check in checks:
        if not as_json:
            print(f"  {name:<{WIDTH}} ", end="", flush=True)
        here = await examine(name, check, patient, secrets=secrets)
        if not as_json:
            print(_in_a_line(here), flush=True)
        found += here
    return _told(found, loaded.path, as_json=as_json)


def read_compose(name: str) -> dict[str, Any]:
    """What `docker compose config` wrote, as JSON or YAML, from a file or standard input (`-`). Raises ComposeError."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        raise ComposeError(f"{printable(name)} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        return read(data)
    except ComposeError as error:
        raise ComposeError(f"{printable(name)} {error}") from None


def exit_code(found: Iterable[Finding]) -> int:
    """The exit code that belongs to the worst finding."""
    return EXIT_CODES[_worst(found)]


def _worst(found: Iterable[Finding]) -> Severity:
    return max((finding.severity for finding in found), default=Severity.OK)


def _unloadable(error: ConfigError) -> list[Finding]:
    why = "The filter does not start with it."
    cure = "put that right (`pictrs-filter check` tells when all is), then ask the doctor again"
    return [Finding(CONFIGURATION, Severity.ERROR, str(problem), why, cure) for problem in error.problems]


def _in_a_line(found: Sequence[Finding]) -> str:
    """How a check ended, on its own line."""
    if not found:
        return "-"
    worst = _worst(found)
    first = next(finding for finding in found if finding.severity == worst)
    return f"{_word(worst):<8} {printable(first.what) if worst is Severity.OK else ''}".rstrip()


def _word(severity: Severity) -> str:
    return severity.name if severity is Severity.ERROR else severity.name.lower()


def _told(found: Sequence[Finding], config: Path | None, *, as_json: bool) -> int:
    code = exit_code(found)
    if as_json:
        findings = [
            {
                "check": finding.check,
                "severity": finding.severity.name.lower(),
                "what": finding.what,
                "why": finding.why,
                "cure": finding.cure,
            }
            for finding in found
        ]
        answer = {
            "config": None if config is None else str(config),
            "findings": findings,
            "worst": _worst(found).name.lower(),
            "exit_code": code,
        }
        print(json.dumps(answer, indent=1))
        return code
    worst_first = sorted(found, key=lambda finding: -finding.severity)  # in order, where they are equally bad
    for finding in worst_first:
        if finding.severity is not Severity.OK:
            print(f"\n{_word(finding.severity)} {finding.check}: {printable(finding.what)}")
            for name, text in (("why", finding.why), ("cure", finding.cure)):
                if text:
                    print(f"  {name:<5} {printable(text)}")
    print(f"\n{_closing(found)}")
    return code


def _closing(found: Sequence[Finding]) -> str:
    """The last line: how many of each, and what to do."""
    counts = {severity: sum(finding.severity is severity for finding in found) for severity in Severity}
    errors, warnings, notes = (counts[each] for each in (Severity.ERROR, Severity.WARNING, Severity.NOTE))
    noted = f", {_many(notes, 'note')}" if notes else ""
    if not errors and not warnings:
        return f"sound: nothing is wrong{noted}"
    parts = [_many(errors, "error")] if errors else []
    parts += [_many(warnings, "warning")] if warnings else []
    return f"{', '.join(parts)}{noted}: put right what stands first, and ask again"


def _many(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
