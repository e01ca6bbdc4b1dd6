"""Check `configuration`: what loads, and is worth a second thought. (What does not load, the command itself says.)

The choices themselves are the operator's to make, so most of what is found is a note: that he knows what he chose.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from addons.admin.bench.report import LEMMY_SECONDS
from addons.doctor.finding import Finding, Severity
from addons.doctor.lines import Lines
from addons.doctor.patient import Patient
from config import presets
from config.addresses import split_listen
from config.consistency import OPEN_NSFW
from config.load import Config
from config.media import Confinement, OnFailure
from config.policy import Action, Origin
from config.settings import Mode

NAME = "configuration"
IN_A_CONTAINER = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Files that Docker and Podman put into each container."""
KUBERNETES = Path("/var/run/secrets/kubernetes.io")
LOOPBACK = ("127.", "::1")


async def configuration(patient: Patient) -> list[Finding]:
    """Whatever of the settings and the policy is risky, not held, or not yet in force, each with its line."""
    found = list(_found(patient.config, contained=_in_a_container()))
    if not found:
        said = f"{patient.config.path}: sound, mode {patient.config.settings.mode}"
        return [Finding(NAME, Severity.OK, said)]
    return found


def _found(config: Config, *, contained: bool) -> Iterator[Finding]:
    lines = Lines(config)
    yield from _mode(config, lines)
    yield from _time(config, lines)
    yield from _failures(config, lines)
    yield from _ports(config, lines, contained=contained)
    yield from _pins(config, lines)
    yield from _origins(config, lines)
    if config.settings.fetch.allow_networks:
        yield Finding(
            NAME,
            Severity.WARNING,
            f"{lines.place('fetch', 'allow_networks')}: private networks may be fetched from: "
            f"{', '.join(config.settings.fetch.allow_networks)}",
            "Whoever posts a link makes the filter read from machines in there, which is meant for tests.",
            lines.change("fetch", "allow_networks", to="[]"),
        )


def _mode(config: Config, lines: Lines) -> Iterator[Finding]:
    if config.settings.mode is Mode.SHADOW:
        yield Finding(
            NAME,
            Severity.NOTE,
            f"{lines.place('mode')}: the filter is in shadow mode",
            "Pictures are judged and logged, and none but the self-test card is refused: the way to begin.",
            lines.change("mode", to="enforce"),
        )
    if config.settings.decoder.confinement is Confinement.BEST_EFFORT:
        yield Finding(
            NAME,
            Severity.NOTE,
            f"{lines.place('decoder', 'confinement')}: decoders may run without what should confine them",
            "Where the kernel lacks Landlock or seccomp, a picture that takes a decoder over could read files and "
            "reach the network.",
            lines.change("decoder", "confinement", to="required"),
        )


def _time(config: Config, lines: Lines) -> Iterator[Finding]:
    if config.settings.deadline_seconds >= LEMMY_SECONDS:
        yield Finding(
            NAME,
            Severity.WARNING,
            f"{lines.place('deadline_seconds')}: a verdict may take {config.settings.deadline_seconds:g} s",
            f"Lemmy gives up after {LEMMY_SECONDS:g} s: the uploader sees a failure, and the picture is stored all the "
            "same.",
            lines.change("deadline_seconds", to="8"),
        )


def _failures(config: Config, lines: Lines) -> Iterator[Finding]:
    for cause, choice in config.settings.failure.model_dump().items():
        if choice is OnFailure.PASS:
            yield Finding(
                NAME,
                Severity.WARNING,
                f"{lines.place('failure', cause)}: pictures pass UNSEEN on `{cause}`",
                "Whoever finds out how to bring that about gets any picture past the filter. Each is logged.",
                lines.change("failure", cause, to="refuse"),
            )


def _ports(config: Config, lines: Lines, *, contained: bool) -> Iterator[Finding]:
    """In a container 0.0.0.0 is how it must be: which networks there are, is for its compose file to say."""
    settings = config.settings
    address = settings.admin.address
    if contained or address is None or _is_loopback(address[0]):
        return
    yield Finding(
        NAME,
        Severity.WARNING,
        f"{lines.place('admin', 'listen')}: the internal port listens on {settings.admin.listen}",
        "Who reaches it reads the history and the figures, and with the token can allow or deny a picture.",
        lines.change("admin", "listen", to=f"127.0.0.1:{split_listen(settings.admin.listen)[1]}"),
    )


def _pins(config: Config, lines: Lines) -> Iterator[Finding]:
    for name, spec in config.policy.models.items():
        if spec.timm == OPEN_NSFW or not spec.unpinned:
            continue
        copy = ""
        if config.path.resolve().parent == presets.FOLDER.resolve():
            copy = f"copy it first (`pictrs-filter presets show {config.path.stem} > filter.yaml`), then "
        file = "filter.yaml" if copy else config.path
        yield Finding(
            NAME,
            Severity.WARNING,
            f"{lines.place('models', name)}: models.{name}: {spec.timm} has no `{spec.unpinned}:`",
            "Whoever owns that model can change what it answers, and your thresholds with it.",
            f"{copy}run `pictrs-filter models pin --config {file}`, which writes the line",
        )


def _origins(config: Config, lines: Lines) -> Iterator[Finding]:
    rules = config.policy.rules
    unjudged = [
        origin
        for origin in get_args(Origin)
        if not any(
            rule.action in (Action.REJECT, Action.LOG) and (rule.sources is None or origin in rule.sources)
            for rule in rules
        )
    ]
    if unjudged:
        yield Finding(
            NAME,
            Severity.NOTE,
            f"{lines.place('rules')}: no rule is for files from: {', '.join(unjudged)}",
            "Of these only your own lists refuse any.",
            f"{lines.place('rules')}: add {', '.join(unjudged)} to the `sources:` of a rule, or leave `sources:` out",
        )


def _is_loopback(host: str) -> bool:
    return host.startswith(LOOPBACK)


def _in_a_container() -> bool:
    return any(path.exists() for path in (*IN_A_CONTAINER, KUBERNETES))
