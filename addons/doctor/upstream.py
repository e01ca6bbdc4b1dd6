"""`upstream`: does pict-rs answer where the configuration says, is it pict-rs at all, and of which line of versions?"""

from __future__ import annotations

from addons.doctor import answerer
from addons.doctor.answerer import Silence, Who
from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient
from addons.doctor.wording import line
from addons.pictrs.line import LINES

CHECK = "upstream"
EXAMPLE = "http://pictrs-upstream:8080"


async def upstream(patient: Patient) -> list[Finding]:
    """One finding: what answers, or why nothing does."""
    settings = patient.config.settings
    here, set_it = settings.upstream, line(patient.config, "upstream", EXAMPLE)
    found = await answerer.upstream(patient)
    if found.who is Who.PICT_RS:
        return [Finding(CHECK, Severity.OK, f"pict-rs {found.line} answers at {here}: {LINES[found.line]}")]
    if found.silence is not None:
        what = f"pict-rs does not answer at {here}: {found.silence}"
        return [Finding(CHECK, Severity.ERROR, what, "Every request is answered 502.", _cure(found.silence, set_it))]
    if found.who is Who.THIS_FILTER:
        what = f"upstream points at this filter itself ({here})"
        why = "Each request comes back to the filter, which refuses it (508): nothing works."
        cure = f"give pict-rs a name or port of its own and name that: {set_it}"
    elif found.who is Who.FILTER:
        what = f"what answers at {here} is a pictrs-filter and not pict-rs"
        why = "Each picture is judged twice; where that filter leads back here, nothing works."
        cure = f"name pict-rs itself: {set_it}"
    else:
        what = f"what answers at {here} is not pict-rs"
        why = "Uploads fail, or go to a program that nobody meant to have them."
        cure = f"name the host and port of pict-rs: {set_it}"
    return [Finding(CHECK, Severity.ERROR, what, why, cure)]


def _cure(silence: Silence, set_it: str) -> str:
    match silence:
        case Silence.NO_NAME:
            return (
                f"name pict-rs as its service or network alias is called: {set_it}; in containers both need a network "
                "in common (`networks:` of both services)"
            )
        case Silence.REFUSED:
            return (
                "start pict-rs (`docker compose up -d`, `systemctl start pict-rs`); if it runs, let it listen there: "
                f"PICTRS__SERVER__ADDRESS=0.0.0.0:8080 in its container, or correct the port: {set_it}"
            )
        case Silence.NOT_YET:
            return (
                "look into the log of pict-rs, or of the proxy that stands before it: upstream should be pict-rs itself"
            )
    return (
        "let the filter reach that address: a network that both services share (`networks:`), no firewall between; "
        f"or correct it: {set_it}"
    )
