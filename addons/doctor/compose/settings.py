"""What pict-rs is told in its environment: that it may ask the filter, and whom it asks for a verdict."""

from __future__ import annotations

from collections.abc import Iterator

from addons.doctor.compose.naming import host_of
from addons.doctor.compose.project import Project, Service
from addons.doctor.compose.reach import NAME
from addons.doctor.compose.roles import Roles, version
from addons.doctor.finding import Finding, Severity

ALLOW_LOCAL = "PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS"
VALIDATION = "PICTRS__MEDIA__EXTERNAL_VALIDATION"
YES = ("true", "1", "yes", "on")
"""What pict-rs takes for true (0.5.25, seen)."""
SINCE = (0, 5, 21)
"""The pict-rs that began to refuse addresses of its own network."""


def settings(project: Project, cast: Roles) -> Iterator[Finding]:
    """What is wrong with what each pict-rs is told."""
    for pictrs in cast.pictrs:
        allowed = _allowed(pictrs)
        yield from _local(pictrs, allowed=allowed)
        yield from _validator(project, cast, pictrs, allowed=allowed)


def refuses_local(pictrs: Service) -> bool | None:
    """Whether this pict-rs refuses addresses of its own network by itself; None where its version is not told.

    A tag such as `0.5` is taken for its newest release.
    """
    told = version(pictrs)
    return None if told is None else told >= SINCE[: len(told)]


def _allowed(pictrs: Service) -> bool:
    return pictrs.environment.get(ALLOW_LOCAL, "").lower() in YES or any(
        "allow-local-connections" in word for word in pictrs.words
    )


def _local(pictrs: Service, *, allowed: bool) -> Iterator[Finding]:
    refuses = refuses_local(pictrs)
    if allowed or refuses is False:
        return
    what = f"services.{pictrs.name}: {ALLOW_LOCAL} is not true"
    why = "From 0.5.21 pict-rs asks no address of its own network, the filter's neither: proxied media are refused."
    severity = Severity.ERROR if refuses else Severity.WARNING
    yield Finding(NAME, severity, what, why, f'at services.{pictrs.name}, environment: `{ALLOW_LOCAL}: "true"`')


def _validator(project: Project, cast: Roles, pictrs: Service, *, allowed: bool) -> Iterator[Finding]:
    """A hook by name, as pictrs-safety documents it."""
    name = host_of(pictrs.environment.get(VALIDATION, ""))
    if not name:
        return
    place = f"services.{pictrs.name}: {VALIDATION}"
    cure = f"at services.{pictrs.name}, environment: delete {VALIDATION} (with the filter it is a second line at most)"
    owners = {owner.name for _, owner in project.answering(pictrs, name)}
    gates = {each.name for each in cast.gates}
    if not owners:
        what = f"{place} names `{name}`, and nobody on its networks answers to that"
        yield Finding(NAME, Severity.ERROR, what, "pict-rs then refuses every upload.", cure)
    elif not allowed and refuses_local(pictrs) is not False:
        what = f"{place} names `{name}`, and {ALLOW_LOCAL} is not true"
        why = "From 0.5.21 pict-rs does not ask a validator that is named on its own network: every upload is a 500."
        yield Finding(NAME, Severity.ERROR, what, why, cure)
    elif not owners <= gates:
        what = f"{place} still asks services.{min(owners - gates)}"
        why = "Every file waits for two verdicts, one after the other; if that service stops, every upload fails."
        yield Finding(NAME, Severity.NOTE, what, why, cure)
