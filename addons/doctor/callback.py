"""`callback`: does pict-rs ask the filter for media of `?proxy=` addresses?

One probe, and two things that may be wrong, for two different programs are to be changed: pict-rs from 0.5.21 refuses
addresses of its own network unless it is told to (the finding is then called `allow-local-connections`); and the
address under which it looks for the filter may be wrong.
"""

from __future__ import annotations

from addons.doctor import answerer
from addons.doctor.answerer import Who
from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient
from addons.doctor.probe import Probe, callback_base, probe
from addons.doctor.wording import line
from addons.pictrs.askback import ALLOW_LOCAL
from addons.pictrs.line import WITHOUT_PROXY

LOCAL = "allow-local-connections"
CALLBACK = "callback"
EXAMPLE = "http://pictrs-filter:8082"
WHY = (
    "Media of Lemmy's image proxy (image_mode: ProxyAllImages; the default in Lemmy 1.0) are refused: broken pictures."
)


async def callback(patient: Patient) -> list[Finding]:
    """Whether what pict-rs asks there comes to the filter."""
    here = await answerer.upstream(patient)
    if here.who is not Who.PICT_RS:
        return []
    if here.line in WITHOUT_PROXY:
        return [Finding(CALLBACK, Severity.OK, f"pict-rs {here.line} has no proxied media, and never asks the filter")]
    found = await probe(patient)
    if found.trouble:
        why = "Whether pict-rs reaches the filter is not known."
        cure = "run the doctor where the filter runs: docker compose exec pictrs-filter pictrs-filter doctor"
        return [Finding(CALLBACK, Severity.NOTE, found.trouble, why, cure)]
    if found.local:
        what = f"pict-rs refuses to ask the filter at {found.base}, in its own network (it said: {found.words})"
        cure = f"{ALLOW_LOCAL} in the environment of pict-rs's service; then start pict-rs anew"
        return [Finding(LOCAL, Severity.ERROR, what, WHY, cure)]
    set_it = line(patient.config, "callback.url", EXAMPLE)
    if not found.reached:
        what = f"pict-rs does not reach the filter at {found.base} (it said: {found.words})"
        cure = f"name the filter and callback.listen's port as pict-rs reaches them: {set_it}{_deaf(patient)}"
        return [Finding(CALLBACK, Severity.ERROR, what, WHY, cure)]
    if found.by_itself or found.known is Who.THIS_FILTER:
        seen = " (no filter runs here now: the doctor listened in its place)" if found.by_itself else ""
        return [Finding(CALLBACK, Severity.OK, f"pict-rs reaches the filter at {found.base}{seen}")]
    return [_other(found, answerer.own_mark(patient) is not None, set_it)]


def _other(found: Probe, has_key: bool, set_it: str) -> Finding:
    """pict-rs was answered, and a filter or another program holds callback.listen: is what answers this filter?"""
    if found.known is Who.FILTER and not has_key:
        what = f"pict-rs reaches a filter at {found.base}; whether it is this one cannot be told without its key"
        cure = "run the doctor as the user that the filter runs as, with the same `state_dir`"
        return Finding(CALLBACK, Severity.NOTE, what, "", cure)
    if found.known is Who.NOBODY:
        what = f"pict-rs was answered at {found.base}, which does not answer from here: whether by this filter is open"
        cure = f"look whether the filter's log says that pict-rs asks for proxied media at {found.base}"
        return Finding(CALLBACK, Severity.NOTE, what, "", cure)
    other = "another filter, with another key" if found.known is Who.FILTER else found.known or "something else"
    what = f"what pict-rs finds at {found.base} is not this filter, but {other}"
    cure = f"name this filter's own callback.listen: {set_it}; filters behind one address share one `state_dir`"
    return Finding(CALLBACK, Severity.ERROR, what, WHY, cure)


def _deaf(patient: Patient) -> str:
    """A second line where the filter listens to its own machine alone, and is looked for from elsewhere."""
    listens = patient.config.settings.callback_address[0]
    if listens.startswith("127.") and callback_base(patient).split("//")[1].split(":")[0] != listens:
        return f"; and let it listen there: {line(patient.config, 'callback.listen', '0.0.0.0:8082')}"
    return ""
