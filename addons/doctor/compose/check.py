"""The check itself: who is who in the project, then every rule over it."""

from __future__ import annotations

from addons.doctor.compose.housing import housing
from addons.doctor.compose.naming import host_of, naming
from addons.doctor.compose.project import Project
from addons.doctor.compose.reach import NAME, UNFILTERED, published, reach
from addons.doctor.compose.roles import roles
from addons.doctor.compose.settings import settings
from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient

OVERRIDE = "put docker-compose.override.yml beside Lemmy's docker-compose.yml, as docker/README.md says"


async def compose(patient: Patient) -> list[Finding]:
    """What is wrong with the project that --compose named; nothing without that."""
    if patient.compose is None:
        return []
    project = Project(patient.compose)
    cast = roles(project)
    if not cast.filters:
        severity = Severity.ERROR if cast.pictrs else Severity.WARNING
        what = f"no service in this project is pictrs-filter: {', '.join(project.services)}"
        shown = [one for pictrs in cast.pictrs for one in published(pictrs)]
        return [Finding(NAME, severity, what, UNFILTERED, OVERRIDE), *shown]
    found = [
        *reach(project, cast),
        *naming(project, cast, host_of(patient.config.settings.upstream)),
        *settings(project, cast),
        *housing(project, cast),
    ]
    if not cast.pictrs:
        what = f"no service in this project looks like pict-rs: {', '.join(project.services)}"
        why = "Who reaches it is not told by this file."
        found.append(Finding(NAME, Severity.NOTE, what, why, "see to it that only the filter reaches pict-rs"))
    if found:
        return found
    filters, pictrs = (", ".join(f"services.{each.name}" for each in some) for some in (cast.filters, cast.pictrs))
    return [Finding(NAME, Severity.OK, f"{filters} alone reaches {pictrs}, which has no way out")]
