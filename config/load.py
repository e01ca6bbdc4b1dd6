"""From a YAML file and the environment to a checked configuration, or to every problem at once.

Rules this file keeps: one file holds settings and policy; addresses and the mode may come from the environment, which
then wins over the file. Everything that is wrong is told together, each with file and line or with the variable's name,
and nothing starts until all of it is right. A misspelt key or variable is a problem, never silently a default.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from config.consistency import contradictions, rejects_nothing
from config.document import MAX_FILE_BYTES, Document, read
from config.policy import PolicySpec
from config.presets import resolve
from config.problems import UNKNOWN_KEY, ConfigError, Finding, Loc, Problem, closest, did_you_mean, dotted
from config.section import Section
from config.settings import Mode, Settings
from config.translate import parse

__all__ = ["Config", "ConfigError", "load", "policy_hash"]

DEFAULT = Path(__file__).with_name("default.yaml")
PREFIX = "PICTRS_FILTER_"
CONFIG = f"{PREFIX}CONFIG"
OVERRIDES = {
    f"{PREFIX}{name.upper().replace('.', '_')}": name
    for name in ("listen", "upstream", "mode", "device", "state_dir", "callback.listen", "callback.url", "admin.listen")
}
"""Environment variable -> the setting in whose place it stands: what differs between filters that share a file."""
OF_THE_TESTS = (f"{PREFIX}REAL", f"{PREFIX}REAL_REQUIRED")
OF_KUBERNETES = re.compile(rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_\w+)?)")
"""What Kubernetes puts into every container for a service that is called pictrs-filter (kubernetes.io/docs, "Service",
Environment variables). With them comes PREFIX + PORT, told from a misspelt setting by its value: tcp://..."""

POLICY = tuple(PolicySpec.model_fields)
OPTIONAL = ("lists",)
"""Of these, what a policy need not have."""
SECTIONS = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}


@dataclass(frozen=True)
class Config:
    """A checked configuration. `hash` is that of the policy, see `policy_hash`; `path` is the file it was read from."""

    settings: Settings
    policy: PolicySpec
    path: Path
    hash: str

    @property
    def judging(self) -> str:
        """SHA-256 (64 hex digits) of all that a verdict depends on beside the bytes."""
        settings = self.settings.model_dump(mode="json", include={"mode", "normalise", "limits", "views", "failure"})
        plain = json.dumps([self.hash, settings], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(plain.encode()).hexdigest()


def load(path: Path | None = None, env: Mapping[str, str] = os.environ) -> Config:
    """Read `path`, else the file that PICTRS_FILTER_CONFIG names, else the shipped default.yaml. (`preset:NAME`, too.)

    Raises ConfigError with every problem there is.
    """
    path = resolve(path or Path(env.get(CONFIG) or DEFAULT))
    variables = list(_variables(env))
    overrides = {setting: env[variable] for variable, setting in OVERRIDES.items() if env.get(variable)}
    document = _open(path)
    settings, policy = None, None
    if document.complete:
        settings, found = _settings(document, overrides)
        policy, more = _policy(document, overrides)
        document.findings = _told_once(document, overrides, found + more)
    problems = _in_order(str(path), document, overrides) + variables
    if problems or settings is None or policy is None:
        raise ConfigError(problems)
    return Config(settings, policy, path, policy_hash(policy))


def policy_hash(policy: PolicySpec) -> str:
    """SHA-256 (64 hex digits) of models, signals, lists and rules: the same for every way to write the same policy.

    What is as it is when not given is left out, so that an option that a later version adds changes no hash. The order
    of rules counts.
    """
    plain = policy.model_dump(mode="json", exclude_defaults=True)
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _open(path: Path) -> Document:
    try:
        with path.open("rb") as file:
            return read(file.read(MAX_FILE_BYTES + 1))
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        reason = error.strerror if isinstance(error, OSError) else str(error)
        hint = f"name a file that can be read, or unset {CONFIG} to get the shipped defaults"
        if isinstance(error, IsADirectoryError):
            hint = "Docker makes a folder in place of a mounted file that is missing"
        return Document(findings=[Finding((), f"cannot be read: {reason}", hint)])


def _told_once(document: Document, overrides: Mapping[str, str], found: list[Finding]) -> list[Finding]:
    """All findings and the places without a value, less what only follows from something else that is wrong there."""
    unknown = {finding.loc for finding in found if finding.message == UNKNOWN_KEY}
    of_yaml = [finding for finding in document.findings if finding.loc not in unknown]
    used = _overridden(document.values, overrides)
    empty = {loc for loc in _empty(used, ()) if loc not in unknown and not document.is_skipped(loc)}
    found = [finding for finding in found if not document.is_skipped(finding.loc) and finding.loc not in empty]
    return of_yaml + found + [Finding(loc, "has no value", "give it one, or delete the line") for loc in empty]


def _settings(document: Document, overrides: Mapping[str, str]) -> tuple[Settings | None, list[Finding]]:
    known = (*Settings.model_fields, *POLICY)
    unknown = [name for name in document.values if name not in known]
    found = [Finding((name,), UNKNOWN_KEY, _place(name) or did_you_mean(name, known)) for name in unknown]
    values = _overridden({name: value for name, value in document.values.items() if value is not None}, overrides)
    values = {name: value for name, value in values.items() if name in Settings.model_fields}
    settings, wrong = parse(Settings, values, document.written)
    return settings, found + wrong


def _overridden(values: Mapping[str, object], overrides: Mapping[str, str]) -> dict[str, object]:
    """The values with those of the environment in their places. A section that is none stays, to be told so."""
    found = dict(values)
    for setting, value in overrides.items():
        section, _, name = setting.rpartition(".")
        if not section:
            found[setting] = value
        elif isinstance(old := found.get(section) or {}, Mapping):
            found[section] = {**old, name: value}
    return found


def _place(name: str) -> str:
    """A hint for a key of a section that stands at the top."""
    section = next((section for section, kind in SECTIONS.items() if name in kind.model_fields), None)
    return f"it belongs under `{section}:`, indented" if section else ""


def _empty(value: object, loc: Loc) -> Iterator[Loc]:
    """Places without a value, except sections of settings: all lines of one may be commented out."""
    if value is None and not (len(loc) == 1 and loc[0] in SECTIONS):
        yield loc
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _empty(item, (*loc, key))


def _policy(document: Document, overrides: Mapping[str, str]) -> tuple[PolicySpec | None, list[Finding]]:
    data = {name: document.values[name] for name in POLICY if name in document.values}
    if not data:
        return _default_policy(), []
    missing = [name for name in POLICY if name not in data and name not in OPTIONAL]
    unreadable = any(document.is_skipped((name,)) for name in POLICY)
    policy, found = parse(PolicySpec, data, document.written)
    misfits = [] if unreadable else list(contradictions(data))
    if missing or unreadable or misfits:  # what the type says of the whole is told better below, place by place
        found = [finding for finding in found if finding.loc and finding.loc not in [(name,) for name in missing]]
    hint = "models, signals and rules go together: give all three, or none to get the shipped policy"
    found += [Finding((name,), "is missing", hint) for name in missing] + misfits
    mode = overrides.get("mode") or document.values.get("mode", Mode.ENFORCE)
    if mode == Mode.ENFORCE and rejects_nothing(data):
        hint = "give a rule `action: reject`, or set `mode: shadow` to watch first"
        found.append(Finding(("rules",), "must have a rule that rejects: nothing would ever be refused", hint))
    return policy, found


@lru_cache(maxsize=1)
def _default_policy() -> PolicySpec:
    document = _open(DEFAULT)
    return PolicySpec.model_validate({name: document.values[name] for name in POLICY if name in document.values})


def _variables(env: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with the variables themselves: empty ones, and names that are not known."""
    known = (CONFIG, *OVERRIDES)
    for name in sorted(env):
        if name in known and not env[name]:
            yield Problem(name, None, "", "is empty", "give it a value, or unset it")
        elif not name.startswith(PREFIX) or name in known or name in OF_THE_TESTS or OF_KUBERNETES.fullmatch(name):
            continue
        elif not (name.endswith("_PORT") and "://" in env[name]):
            close = closest(name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in known])
            hint = f"did you mean {PREFIX}{close}?" if close else did_you_mean("", known)
            yield Problem(name, None, "", "is not a variable that is known here", hint)


def _in_order(file: str, document: Document, overrides: Mapping[str, str]) -> list[Problem]:
    """The document's findings as problems, in the order of the file; then those of the environment."""
    variables = {setting: variable for variable, setting in OVERRIDES.items()}
    lines: list[Problem] = []
    others: list[Problem] = []
    for finding in document.findings:
        setting = dotted(finding.loc)
        if setting in overrides and finding.line is None:
            others.append(Problem(variables[setting], None, "", finding.message, finding.hint))
        else:
            line = finding.line or document.line(finding.loc)
            lines.append(Problem(file, line, dotted(finding.loc), finding.message, finding.hint))
    return sorted(lines, key=lambda problem: problem.line or 0) + others
