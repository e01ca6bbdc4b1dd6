"""`name-clash`: do the names lead where they should? `upstream` to pict-rs alone, callback.url to this filter, and
`pictrs`, under which Lemmy's own compose files know pict-rs, not to two programs at once.

Docker gives a name that two containers bear the addresses of both, in turn: then every other picture goes past the
filter. It happens when pict-rs keeps `hostname: pictrs`, `container_name: pictrs` or its service name on the network
where the filter has the alias.
"""

from __future__ import annotations

from addons.doctor import answerer, lookup, machine
from addons.doctor.answerer import Who
from addons.doctor.finding import Finding, Severity
from addons.doctor.patient import Patient
from addons.doctor.probe import callback_base
from addons.doctor.wording import line
from addons.pictrs.client import ClientError, PictrsClient
from config.addresses import split_upstream
from model.card import plain

CHECK = "name-clash"
ALIAS = "pictrs"
EXAMPLE = "http://pictrs-upstream:8080"
RENAME = (
    "in the compose file, at pict-rs's service: `hostname: pictrs-upstream` in place of `hostname: pictrs` (and of "
    "`container_name:`), and `networks:` with only the network that it shares with the filter"
)


async def name_clash(patient: Patient) -> list[Finding]:
    """What is wrong with each of the three names; one line if nothing is."""
    found = [*await _upstream(patient), *await _alias(patient), *await _callback(patient)]
    return found or [Finding(CHECK, Severity.OK, "each name leads to one program")]


async def _upstream(patient: Patient) -> list[Finding]:
    host, port = patient.config.settings.upstream_address
    places = await lookup.addresses(host)
    if len(places) < 2:  # the check of `upstream` says what is wrong with the only one, or that there is none
        return []
    who = {place: (await answerer.answerer(patient, answerer.at(place, port))).who for place in places}
    said = f"upstream's name {host} leads to {_listed(who)}"
    own_name = f"give pict-rs a name of its own: {RENAME}; then {line(patient.config, 'upstream', EXAMPLE)}"
    if Who.THIS_FILTER in who.values() or Who.FILTER in who.values():
        why = "Requests that come back to the filter are refused (508): pictures fail now and then."
        return [Finding(CHECK, Severity.ERROR, said, why, own_name)]
    pictrs = [place for place, each in who.items() if each is Who.PICT_RS]
    if pictrs and Who.STRANGER in who.values():
        why = "Every other upload or view goes to a program that is not pict-rs."
        return [Finding(CHECK, Severity.ERROR, said, why, own_name)]
    same_kind = [place for place in pictrs if (":" in place) == (":" in pictrs[0])]
    if len(same_kind) > 1 and not patient.quick and not await _is_one(*[answerer.at(one, port) for one in same_kind]):
        why = "Two pict-rs share the name: what is uploaded to one is not found in the other."
        return [Finding(CHECK, Severity.ERROR, said, why, own_name)]
    dead = [place for place in who if who[place] is Who.NOBODY and pictrs and (":" in place) == (":" in pictrs[0])]
    if dead:
        why = "Where connections go to that address first, pictures are late or fail."
        return [Finding(CHECK, Severity.WARNING, said, why, own_name)]
    return []


async def _alias(patient: Patient) -> list[Finding]:
    """`pictrs`, where there is such a name and upstream's is another: then it should be the filter's alone."""
    host, port = patient.config.settings.upstream_address
    listens = patient.config.settings.listen_address[1]
    places = await lookup.addresses(ALIAS) if host != ALIAS else []
    own = [place for place in places if machine.is_own(place)]
    others = [place for place in places if place not in own]
    bypass = [
        place
        for place in others
        for number in dict.fromkeys((port, listens))
        if (await answerer.answerer(patient, answerer.at(place, number))).who is Who.PICT_RS
    ]
    if not bypass:
        return []
    there = ", ".join(dict.fromkeys(bypass))
    if not own:
        what = f"the name {ALIAS} leads to pict-rs itself ({there}), past the filter"
        why = "Lemmy's own compose files have http://pictrs:8080/ as `pictrs.url`: with that, nothing is filtered."
        cure = (
            f"give the filter that name (`networks: {{default: {{aliases: [{ALIAS}]}}}}` at its service), and take it "
            f"from pict-rs: {RENAME}; or let `pictrs.url` in lemmy.hjson name the filter"
        )
        return [Finding(CHECK, Severity.WARNING, what, why, cure)]
    what = f"the name {ALIAS} has two owners: this filter ({', '.join(own)}) and pict-rs itself ({there})"
    why = f"Who asks for {ALIAS}, as Lemmy does, gets past the filter every other time."
    return [Finding(CHECK, Severity.ERROR, what, why, RENAME)]


async def _callback(patient: Patient) -> list[Finding]:
    """callback.url's name: a filter that runs there must be this one."""
    if patient.config.settings.callback.url == "auto":
        return []
    host = split_upstream(callback_base(patient))[0]
    places = await lookup.addresses(host)
    foreign = [place for place in places if not machine.is_own(place)]
    if not foreign:
        return []  # it is here; or a name that pict-rs alone knows, which the check `callback` tries
    port = split_upstream(callback_base(patient))[1]
    who = {place: (await answerer.answerer(patient, answerer.at(place, port))).who for place in foreign}
    if all(each is Who.THIS_FILTER for each in who.values()):  # nginx before several, say
        return []
    what = f"callback.url's name {host} leads to another machine: {_listed(who)}"
    why = "pict-rs asks there for media of Lemmy's image proxy, and this filter never hears of it."
    cure = f"name this filter's own service there: {line(patient.config, 'callback.url', 'http://pictrs-filter:8082')}"
    severity = Severity.WARNING if len(foreign) == len(places) else Severity.ERROR
    return [Finding(CHECK, severity, what, why, cure)]


async def _is_one(*bases: str) -> bool:
    """Whether several addresses are of one pict-rs: the drawn picture, stored by one, is there in each; it is deleted.

    Our own harmless picture: pict-rs receives no media that nobody has judged.
    """
    try:
        async with PictrsClient(bases[0]) as first:
            stored = await first.upload(plain(), "image/jpeg")
            if stored.alias is None:
                return True  # that it stores nothing is for another check
            try:
                seen = []
                for base in bases[1:]:
                    async with PictrsClient(base) as other:
                        seen.append((await other.original(stored.alias)).status)
            finally:
                if stored.delete_token is not None:
                    await first.delete(stored.alias, stored.delete_token)
    except ClientError:
        return True
    return all(status == 200 for status in seen)


def _listed(who: dict[str, Who]) -> str:
    return ", ".join(f"{place} ({each})" for place, each in who.items())
