"""`old-validator`: does pict-rs itself store an ordinary picture, or does its validator (external_validation) refuse?

From 0.5.21 on pict-rs refuses to connect to a *name* that leads to a private network, for its validator too, unless
local connections are allowed: with a validator named as pictrs-safety's pages do, every upload is a 500. The drawn
picture is uploaded to pict-rs directly and deleted again; it is our own (drawn.py), so nothing unjudged comes in.
The words looked for were seen with 0.4.8, 0.5.25 and 0.6.0-rc.6.
"""

from __future__ import annotations

from addons.doctor import answerer, lookup, machine
from addons.doctor.answerer import Who
from addons.doctor.drawn import upload_drawn
from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient
from addons.doctor.probe import callback_base
from addons.listener import origin
from addons.pictrs.askback import ALLOW_LOCAL
from addons.pictrs.client import ClientError, Reply
from config.addresses import split_upstream

CHECK = "old-validator"
VARIABLE = "PICTRS__MEDIA__EXTERNAL_VALIDATION"
NAMED = "Network unreachable"
"""What the validator's name is made to say, where it leads to a private network."""
DEAD = ("Connection refused", "failed to lookup address", "timed out", "connection closed", "Request timeout")
"""Parts of what pict-rs says when it cannot speak to what it wants to ask."""
REFUSED = "failed-external-validation"
"""pict-rs 0.5's code when its validator refuses; 0.4 has no codes."""
REFUSED_04 = "Failed external validation"
WHY = "Every upload fails, with the filter and without it."


async def old_validator(patient: Patient) -> list[Finding]:
    """Whether an ordinary picture is stored, and what about the validator keeps it off. Nothing with --quick."""
    if patient.quick or (await answerer.upstream(patient)).who is not Who.PICT_RS:
        return []
    try:
        found = await upload_drawn(patient.config.settings.upstream)
    except ClientError as error:
        what = f"pict-rs does not answer an upload of an ordinary picture: {error}"
        return [Finding(CHECK, Severity.ERROR, what, WHY, f"look into its log; if {VARIABLE} is set there, delete it")]
    if found.left is not None:
        what = f"the drawn picture that was uploaded could not be deleted again: {found.left}"
        return [Finding(CHECK, Severity.WARNING, what, "It stays in the store.", "delete it by hand, by that name")]
    if found.reply.alias is not None:
        seconds = f"{found.seconds:.1f} seconds"
        return [Finding(CHECK, Severity.OK, f"pict-rs itself stores an ordinary picture, in {seconds}")]
    return [await _kept_off(patient, found.reply)]


async def _kept_off(patient: Patient, reply: Reply) -> Finding:
    said = reply.msg[:200] or f"status {reply.status}"
    by_address = f"or {VARIABLE}={await _validate(patient)} (this filter, by its IP address)"
    delete = f"delete {VARIABLE} from the environment of pict-rs's service, {by_address}; then start pict-rs anew"
    if NAMED in said:
        what = f"pict-rs refuses its validator, a name that leads to a private network: {reply.status}, it said: {said}"
        cure = f"{delete}; or allow such names: {ALLOW_LOCAL}"
        return Finding(CHECK, Severity.ERROR, what, f"{WHY} So it is from pict-rs 0.5.21 on.", cure)
    if reply.code == REFUSED or REFUSED_04 in said:
        what = f"pict-rs's validator refuses an ordinary picture: {reply.status}, {said}"
        return Finding(CHECK, Severity.ERROR, what, WHY, delete)
    if any(part in said for part in DEAD):
        what = f"pict-rs does not reach its validator, or that says nothing: {reply.status}, it said: {said}"
        cure = f"start that validator (where it is this filter: `pictrs-filter serve`), or {delete}"
        return Finding(CHECK, Severity.ERROR, what, WHY, cure)
    what = f"pict-rs itself does not store an ordinary picture: {reply.status}, it said: {said}"
    cure = f"look into the log of pict-rs: its disk, its rights there; and if {VARIABLE} is set, whether that answers"
    return Finding(CHECK, Severity.ERROR, what, WHY, cure)


async def _validate(patient: Patient) -> str:
    """The filter's own validator, by the IP address that pict-rs sees."""
    host, port = split_upstream(callback_base(patient))
    if not lookup.is_address(host):
        pict_rs = await lookup.addresses(patient.config.settings.upstream_address[0])
        host = next((seen for place in pict_rs if (seen := machine.towards(place))), "IP-ADDRESS-OF-THE-FILTER")
    return f"{origin(host, port)}/validate"
