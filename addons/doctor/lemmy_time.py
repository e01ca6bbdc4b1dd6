"""`lemmy-time`: how long does a whole upload through the running filter take? Lemmy waits 10 seconds.

The drawn picture goes the way that an upload of Lemmy's goes, through the filter into pict-rs, and is deleted again.
"""

from __future__ import annotations

from addons.doctor.answerer import Silence, Who, answerer, at
from addons.doctor.drawn import Upload, upload_drawn
from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient
from addons.pictrs.client import ClientError
from config.addresses import EVERYWHERE

CHECK = "lemmy-time"
LEMMY_SECONDS = 10.0
"""Lemmy gives up after so long: every fetch and view, and uploads up to 0.18.5 (30 seconds from 0.19)."""
UNEASY = 0.5
"""Of deadline_seconds: what takes longer for one small picture, on a machine that has nothing else to do, will be late
when several come at once."""
FASTER = "see what takes the time: `pictrs-filter bench`; lower `views.budget`, use a GPU, or give it more cores"


async def lemmy_time(patient: Patient) -> list[Finding]:
    """How the drawn picture fares on its way, and how long it takes. Nothing with --quick."""
    if patient.quick:
        return []
    base = own_base(patient)
    there = await answerer(patient, base)
    if there.silence is Silence.REFUSED:
        what = f"no filter runs at {base}: the time of an upload was not measured"
        return [Finding(CHECK, Severity.NOTE, what, "", "start it (`pictrs-filter serve`) and ask the doctor again")]
    if there.who not in (Who.THIS_FILTER, Who.FILTER):
        what = f"what answers at {base}, where this filter listens, is {there.silence or there.who}"
        why = "Lemmy's uploads go to another program than this filter."
        return [Finding(CHECK, Severity.ERROR, what, why, "end that program, or give the filter another `listen:`")]
    try:
        return [_told(patient, await upload_drawn(base))]
    except ClientError as error:
        what = f"an upload through the filter got no answer: {error}"
        return [Finding(CHECK, Severity.ERROR, what, "Lemmy's uploads fail.", "look into the filter's log")]


def own_base(patient: Patient) -> str:
    """Where the filter of this configuration is reached from its own machine."""
    host, port = patient.config.settings.listen_address
    loopback = "::1" if host == "::" else "127.0.0.1"
    return at(loopback if host in EVERYWHERE else host, port)


_CURES = {
    400: "find the ref with `pictrs-filter log`: a rule refuses even this, so its threshold is too low",
    502: "look into the log of pict-rs; `pictrs-filter doctor` says above what is wrong with upstream",
    503: "wait until the filter's log says ready, and ask again; or its log says what keeps it from judging",
}


def _told(patient: Patient, found: Upload) -> Finding:
    deadline = patient.config.settings.deadline_seconds
    took = f"{found.seconds:.1f} seconds"
    if found.left is not None:
        what = f"the drawn picture that was uploaded could not be deleted again: {found.left}"
        return Finding(CHECK, Severity.WARNING, what, "It stays in the store.", "delete it by hand, by that name")
    if found.reply.alias is None:
        said = found.reply.msg[:200] or "without a message"
        what = f"an ordinary picture does not pass the filter: {found.reply.status}, {said} (after {took})"
        cure = _CURES.get(found.reply.status, "pict-rs answered so: the log of pict-rs tells more")
        return Finding(CHECK, Severity.ERROR, what, "So it is with Lemmy's uploads.", cure)
    what = f"an upload of an ordinary picture through the filter takes {took}"
    if found.seconds > LEMMY_SECONDS:
        why = f"Lemmy gives up after {LEMMY_SECONDS:g} seconds: people see an error."
        return Finding(CHECK, Severity.ERROR, what, why, FASTER)
    if found.seconds > deadline * UNEASY:
        why = f"More than half of deadline_seconds ({deadline:g}) for one small picture: several at once are late."
        return Finding(CHECK, Severity.WARNING, what, why, FASTER)
    return Finding(CHECK, Severity.OK, f"{what}, of Lemmy's {LEMMY_SECONDS:g}")
